export default explorer((pen, { ellipses, path, losses }, { weight_axis, step_axis, loss_axis, floor }) => {
  const LEFT = 44, FOOT = 40, HEAD = 20;
  const tall = pen.narrow ? pen.height / 2 : pen.height;
  const side = Math.min(tall - FOOT - HEAD, (pen.narrow ? pen.width : pen.width / 2) - LEFT - 8);
  const map = { x: LEFT, y: HEAD, width: side, height: side };
  const from = pen.narrow ? LEFT : LEFT + side + LEFT + 24;
  const curve = { x: from, y: (pen.narrow ? tall : 0) + HEAD, width: pen.width - from - 12, height: pen.narrow ? tall - FOOT - HEAD : side };

  pen.titled(map, "the path over the loss, ■ to ★");
  pen.frame(map.x, map.y, map.width, map.height);
  pen.under(map, weight_axis, String, "weight 1");
  pen.beside(map, weight_axis, String);
  pen.sideways("weight 2", 10, map.y + map.height / 2, { align: "center", colour: pen.soft });
  const [levels, corners] = ellipses.shape;
  const steps = pen.points(path, map, 0, path.shape[0]);
  pen.inside(map, () => {
    for (let level = 0; level < levels; level++) pen.line(pen.points(ellipses, map, 2 * level * corners, corners), { colour: pen.faint, width: 1.2 });
    pen.line(steps, { colour: pen.vermilion, width: 1.6 });
    for (const [x, y] of steps) pen.mark("circle", x, y, 2.4, pen.vermilion);
    pen.mark("star", map.x + map.width / 2, map.y + map.height / 2, 8, pen.ink);
    pen.mark("square", ...steps[0], 4.5, pen.vermilion);
  });

  pen.titled(curve, "the loss, step by step");
  pen.frame(curve.x, curve.y, curve.width, curve.height);
  pen.under(curve, step_axis, String, "step");
  pen.beside(curve, loss_axis, power);
  const target = curve.y + (1 - floor) * curve.height;
  pen.line([[curve.x, target], [curve.x + curve.width, target]], { colour: pen.green, width: 1.2, dash: [5, 4] });
  pen.text("a millionth", curve.x + 6, target - 9, { colour: pen.green, size: 11 });
  pen.inside(curve, () => {
    const falling = pen.points(losses, curve, 0, losses.shape[0]);
    pen.line(falling, { colour: pen.blue, width: 1.6 });
    for (const [x, y] of falling) pen.mark("circle", x, y, 2, pen.blue);
  });
});

export default explorer((pen, { loss, ratio, accuracy, weights }, { step_axis, loss_axis, ratio_axis, chance, rule, changes, verdict }) => {
  const LEFT = 44, FOOT = 24, HEAD = 26, GAP = 20;
  const columns = pen.narrow ? 1 : 3;
  const images = pen.narrow ? 180 : 144;
  const tall = (pen.height - images) / (3 / columns);
  const wide = (pen.width - 8) / columns;
  const panel = (k) => ({
    x: LEFT + (pen.narrow ? 0 : k * wide),
    y: HEAD + (pen.narrow ? k * tall : 0),
    width: wide - LEFT - GAP / 2, // half the last label on the right
    height: tall - HEAD - FOOT - 4,
  });
  const places = ({ values, shape }, box, column) =>
    Array.from({ length: shape[0] }, (_, k) => [
      box.x + values[k * shape[1]] * box.width,
      box.y + (1 - values[k * shape[1] + column]) * box.height,
    ]);
  const axes = (box, title, ticks, name) => {
    pen.text(title, box.x, box.y - 12, { weight: "600" });
    pen.frame(box.x, box.y, box.width, box.height);
    for (const [place, tick] of ticks) pen.text(name(tick), box.x - 6, box.y + (1 - place) * box.height, { align: "right", colour: pen.soft, size: 11 });
    for (const [place, tick] of step_axis) pen.text(String(tick), box.x + place * box.width, box.y + box.height + 12, { align: "center", colour: pen.soft, size: 11 });
    for (const [place, rate] of changes) {
      const x = box.x + place * box.width;
      pen.line([[x, box.y], [x, box.y + box.height]], { colour: pen.soft, width: 1, dash: [2, 3] });
    }
  };
  const guide = (box, place, name, colour) => {
    const y = box.y + (1 - place) * box.height;
    pen.line([[box.x, y], [box.x + box.width, y]], { colour, width: 1.2, dash: [5, 4] });
    pen.text(name, box.x + box.width - 4, y + 9, { align: "right", colour, size: 11 });
  };
  const [first, second, third] = [panel(0), panel(1), panel(2)];

  axes(first, "loss of each step", loss_axis, power);
  guide(first, chance[0], "ln 10: knows nothing", pen.green);
  pen.clipped(first.x, first.y - 1, first.width, first.height + 2, () => pen.line(places(loss, first, 1), { colour: pen.blue, width: 1.4 }));
  const last = changes.length ? changes[changes.length - 1] : null;
  if (last) {
    const right = last[0] > 0.6;
    pen.text(`rate ${last[1]}`, first.x + last[0] * first.width + (right ? -4 : 4), first.y + first.height - 9, { align: right ? "right" : "left", colour: pen.soft, size: 11 });
  }

  axes(second, "accuracy", [[0, 0], [0.5, 50], [1, 100]], (percent) => `${percent} %`);
  guide(second, chance[1], "a guess", pen.soft);
  const looks = [["training", "circle", { colour: pen.vermilion, width: 1.6 }], ["validation", "square", { colour: pen.green, width: 1.6, dash: [5, 3] }]];
  looks.forEach(([name, shape, look], k) => {
    const [x, y] = [second.x + 10, second.y + 12 + 16 * k];
    const points = places(accuracy, second, k + 1);
    pen.line(points, look);
    for (const at of points) pen.mark(shape, ...at, 2.2, look.colour);
    pen.line([[x, y], [x + 22, y]], look);
    pen.mark(shape, x + 11, y, 3, look.colour);
    pen.text(name, x + 28, y, { colour: look.colour, size: 11 });
  });

  axes(third, "update / weight of each step", ratio_axis, power);
  guide(third, rule, "rule of thumb: 10⁻³", pen.green);
  pen.clipped(third.x, third.y - 1, third.width, third.height + 2, () => pen.line(places(ratio, third, 1), { colour: pen.blue, width: 1.4 }));

  const [units, rows, pixels, channels] = weights.shape;
  const per_row = pen.narrow ? units / 2 : units;
  const top = pen.height - images + 16;
  pen.text(`the doctor: ${verdict}`, pen.width - 8, top, { align: "right", weight: "600" });
  pen.text(pen.narrow ? "weights into ten units" : "the weights into ten hidden units, as images (grey is 0)", 4, top, { weight: "600" });
  const cell = Math.min((pen.width - 8) / per_row, (images - 36) / (units / per_row));
  for (let unit = 0; unit < units; unit++) {
    const x = 4 + (unit % per_row) * ((pen.width - 8) / per_row), y = top + 16 + Math.floor(unit / per_row) * cell;
    const size = rows * pixels * channels;
    pen.image(weights.values.subarray(unit * size, (unit + 1) * size), rows, pixels, x, y, cell - 4, cell - 4);
  }
});

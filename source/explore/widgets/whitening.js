export default explorer((pen, arrays, { origin, axis, eps, variance_axis }) => {
  const LEFT = 42, FOOT = 40, HEAD = 20;
  const { train, test, axes, ellipse, covariances, shades, variances, numbers } = arrays;
  const tall = pen.narrow ? 400 : pen.height;
  const side = Math.min(tall - FOOT - HEAD, (pen.narrow ? pen.width : pen.width * 0.55) - LEFT - 8);
  const map = { x: LEFT, y: HEAD, width: side, height: side };
  const from = pen.narrow ? 0 : LEFT + side + 36;
  const top = pen.narrow ? HEAD + side + FOOT + 8 : 0;
  const right = pen.width - from - 8;

  // the cloud
  pen.mark("circle", map.x + 4, map.y - 10, 3.2, pen.blue);
  pen.text("training", map.x + 12, map.y - 10, { colour: pen.blue });
  pen.mark("diamond", map.x + 78, map.y - 10, 3.2, pen.vermilion, true);
  pen.text("test", map.x + 87, map.y - 10, { colour: pen.vermilion });
  pen.line([[map.x + 122, map.y - 10], [map.x + 142, map.y - 10]], { width: 2.4 });
  pen.text("principal axes, 2 std long", map.x + 148, map.y - 10);
  pen.frame(map.x, map.y, side, side);
  pen.sideways("feature 2, or axis 2", 10, map.y + side / 2, { align: "center", colour: pen.soft });
  pen.under(map, axis, String, "feature 1, or axis 1");
  pen.beside(map, axis, String);
  pen.inside(map, () => {
    for (const ends of [[[origin, 0], [origin, 1]], [[0, origin], [1, origin]]]) {
      pen.line(ends.map((end) => pen.at(map, end)), { colour: pen.faint, width: 1 });
    }
    for (const [x, y] of pen.points(test, map, 0, test.shape[0])) pen.mark("diamond", x, y, 3, pen.vermilion, true);
    for (const [x, y] of pen.points(train, map, 0, train.shape[0])) pen.mark("circle", x, y, train.shape[0] > 10 ? 2.4 : 4, pen.blue);
    pen.line(pen.points(ellipse, map, 0, ellipse.shape[0]), { width: 1.4, dash: [5, 3] });
    for (const k of [0, 1]) {
      const ends = pen.points(axes, map, 4 * k, 2);
      pen.line(ends, { width: 2.4 });
      named(`${k + 1}`, ...ends[1]);
    }
  });

  function named(text, x, y) {
    pen.mark("circle", x, y, 8, pen.panel);
    pen.mark("circle", x, y, 8, pen.ink, true);
    pen.text(text, x, y, { align: "center", size: 11, weight: "600" });
  }

  // the covariances
  const cell = { width: Math.min(62, (right - 36) / 4), height: 34 };
  ["training", "test"].forEach((name, set) => {
    const left = from + set * (2 * cell.width + 36);
    pen.text(`covariance, ${name}`, left, top + 10, { weight: "600", colour: set ? pen.vermilion : pen.blue });
    for (let k = 0; k < 4; k++) {
      const [x, y] = [left + (k % 2) * cell.width, top + HEAD + Math.floor(k / 2) * cell.height];
      pen.box(x, y, cell.width, cell.height, pen.panel);
      pen.g.globalAlpha = 0.35 * shades.values[4 * set + k];
      pen.box(x, y, cell.width, cell.height, set ? pen.vermilion : pen.blue);
      pen.g.globalAlpha = 1;
      pen.frame(x, y, cell.width, cell.height);
      pen.text(format(covariances.values[4 * set + k], "number"), x + cell.width / 2, y + cell.height / 2, { align: "center" });
    }
  });

  // the variance along each axis, before and after
  const lines = ["before", "after: training", "after: test"];
  const strip = { x: from + 98, y: top + HEAD + 2 * cell.height + 62, width: right - 106, height: 3 * 34 };
  pen.text("variance along each axis, before and after whitening", from, strip.y - 36, { weight: "600" });
  pen.under(strip, variance_axis, power, "");
  for (const [place] of variance_axis) pen.line([0, 1].map((y) => pen.at(strip, [place, y])), { colour: pen.faint, width: 1, dash: [2, 3] });
  pen.line([-0.12, 1].map((y) => pen.at(strip, [eps, 1 - y])), { colour: pen.green, width: 2 });
  pen.text("eps", pen.at(strip, [eps, 1])[0], strip.y - 19, { align: "center", colour: pen.green });
  lines.forEach((name, row) => {
    const y = strip.y + (row + 0.5) * 34;
    pen.text(name, strip.x - 10, y, { align: "right", colour: [pen.ink, pen.blue, pen.vermilion][row] });
    pen.line([[strip.x, y], [strip.x + strip.width, y]], { colour: pen.faint, width: 1 });
    for (const k of [0, 1]) {
      const x = strip.x + variances.values[2 * row + k] * strip.width;
      const near = Math.abs(variances.values[2 * row] - variances.values[2 * row + 1]) * strip.width < 17;
      named(`${k + 1}`, x, near ? y + (k ? 8 : -8) : y);
    }
  });

  // what the axes hold
  const columns = numbers.shape[1];
  const share = { x: strip.x, y: strip.y + strip.height + 56, width: strip.width };
  pen.text("noise in each whitened axis, test", from, share.y - 14, { weight: "600" });
  for (const k of [0, 1]) {
    const [y, percent] = [share.y + k * 20, numbers.values[k * columns + columns - 1]];
    pen.text(`axis ${k + 1}`, share.x - 10, y + 8, { align: "right" });
    pen.box(share.x, y, share.width, 16, pen.panel);
    pen.box(share.x, y, (share.width * percent) / 100, 16, pen.faint);
    pen.text(format(percent, "percent"), share.x + 6, y + 8);
  }
});

export default explorer((pen, arrays, { rate_axis, reg_axis, means, distinct, stars, runs, fine }) => {
  const LEFT = 44, RUG = 14, CURVE = 58, BETWEEN = 14, HEAD = 26, FOOT = 40, GAP = 26;
  const { hill, profile, frames, draws } = arrays;
  const [rows, columns] = hill.shape;
  const column = pen.narrow ? pen.width : (pen.width - GAP) / 2;
  const pixel = { width: Math.floor((column - LEFT - RUG - 8) / columns), height: 5 };
  const size = { width: columns * pixel.width, height: rows * pixel.height };
  const block = HEAD + CURVE + BETWEEN + size.height + FOOT + 10;
  const looks = [["grid", "square", pen.blue, arrays.grid], ["random", "circle", pen.vermilion, arrays.random]];

  // each search on its map
  looks.forEach(([name, shape, colour, trials], which) => {
    const x = LEFT + (pen.narrow ? 0 : which * (column + GAP));
    const curve = { x, y: (pen.narrow ? which * block : 0) + HEAD, width: size.width, height: CURVE };
    const map = { x, y: curve.y + CURVE + BETWEEN, ...size };
    const read = (k) => Array.from(trials.values.slice(4 * k, 4 * k + 4));
    const coarse = (stage) => fine && stage === 0;

    pen.mark(shape, x + 5, curve.y - 13, 4, colour);
    const rates = distinct[which] === 1 ? "learning rate" : "different learning rates";
    pen.text(`${name}: ${distinct[which]} ${rates}`, x + 15, curve.y - 13, { colour, weight: "600" });
    pen.frame(curve.x, curve.y, curve.width, curve.height);
    pen.beside(curve, [[0, 0], [1, 1]], String);
    pen.sideways("score", x - 30, curve.y + CURVE / 2, { align: "center", colour: pen.soft });
    pen.inside(curve, () => pen.line(pen.points(profile, curve, 0, profile.shape[0]), { colour: pen.green, width: 1.6 }));

    pen.box(map.x, map.y, map.width, map.height, pen.panel);
    hill.values.forEach((height, k) => {
      if (!height) return;
      pen.g.globalAlpha = (0.65 * height) / 255;
      pen.box(map.x + (k % columns) * pixel.width, map.y + Math.floor(k / columns) * pixel.height, pixel.width, pixel.height, pen.green);
    });
    pen.g.globalAlpha = 1;
    pen.frame(map.x, map.y, map.width, map.height);
    pen.under(map, rate_axis, power, "learning rate");
    pen.beside(map, reg_axis, power);
    pen.sideways("regularisation", x - 38, map.y + map.height / 2, { align: "center", colour: pen.soft });
    if (fine) {
      const [left, right, lower, upper] = frames.values.slice(4 * which, 4 * which + 4);
      const corners = [[left, lower], [right, lower], [right, upper], [left, upper], [left, lower]];
      pen.line(corners.map((corner) => pen.at(map, corner)), { width: 1.4, dash: [5, 3] });
    }

    // trials, and their rugs
    for (let k = 0; k < trials.shape[0]; k++) {
      const [at, up, score, stage] = read(k);
      const [px, py] = pen.at(map, [at, up]);
      const hollow = coarse(stage);
      pen.line([[px, map.y - 11], [px, map.y - 2]], { colour, width: 1.2 });
      pen.line([[map.x + map.width + 4, py], [map.x + map.width + RUG, py]], { colour, width: 1.2 });
      pen.mark(shape, px, pen.at(curve, [at, score])[1], 3, colour, hollow);
      pen.mark(shape, px, py, 3.4, colour, hollow);
    }
    const [at, up] = read(stars[which]);
    pen.mark("star", ...pen.at(map, [at, up]), 9, pen.panel);
    pen.mark("star", ...pen.at(map, [at, up]), 8, pen.ink);
  });

  // the mean best scores
  const low = pen.narrow ? 2 * block : block;
  const bars = { x: LEFT + 22, y: low + 22, width: size.width - 22 };
  pen.text(`mean best score on ${runs} such hills`, LEFT, low + 6, { weight: "600" });
  looks.forEach(([name, , colour], which) => {
    const y = bars.y + which * 24;
    pen.text(name, bars.x - 8, y + 9, { align: "right", colour });
    pen.box(bars.x, y, bars.width, 18, pen.panel);
    pen.box(bars.x, y, means[which] * bars.width, 18, colour);
    pen.frame(bars.x, y, bars.width, 18);
    const inside = means[which] > 0.8;
    const x = bars.x + means[which] * bars.width + (inside ? -6 : 6);
    pen.text(means[which].toFixed(2), x, y + 9, { align: inside ? "right" : "left", weight: "600", colour: inside ? pen.panel : pen.ink });
  });

  // where draws fall
  const spread = { x: LEFT + (pen.narrow ? 0 : column + GAP), y: low + (pen.narrow ? 98 : 18), width: size.width, height: 50 };
  pen.text("how 2,000 draws of a learning rate spread", spread.x, spread.y - 12, { weight: "600" });
  pen.frame(spread.x, spread.y, spread.width, spread.height);
  pen.bars(draws.values, 0, draws.shape[0], spread.x, spread.y + spread.height, spread.width, spread.height - 4, pen.vermilion);
  pen.under(spread, rate_axis, power, "");
});

export default explorer((pen, { points, classes, lines, off, raster, curves }, { step, spike, origin, axis }) => {
  const LEFT = 30, FOOT = 24, HEAD = 20, SHAPES = ["circle", "square", "triangle", "diamond"];
  const tall = pen.narrow ? pen.height / 2 : pen.height;
  const side = Math.min(tall - FOOT - HEAD, (pen.narrow ? pen.width : pen.width / 2) - LEFT - 8);
  const plane = { x: LEFT, y: HEAD, width: side, height: side };
  const from = pen.narrow ? LEFT + 14 : LEFT + side + 60;
  const top = pen.narrow ? tall : 0;
  const width = pen.width - from - 12;
  const body = (pen.narrow ? tall - FOOT - HEAD : side) - 40;
  const units = { x: from, y: top + HEAD, width, height: body * 0.56 };
  const shares = { x: from, y: units.y + units.height + 40, width, height: body * 0.44 };
  const titled = (panel, title) => pen.text(title, panel.x, panel.y - 10, { weight: "600" });

  titled(plane, "each unit's line among the points");
  pen.frame(plane.x, plane.y, plane.width, plane.height);
  const x = (place) => plane.x + place * plane.width;
  const y = (place) => plane.y + (1 - place) * plane.height;
  for (const [place, label] of axis) {
    pen.text(String(label), x(place), plane.y + side + 11, { align: "center", colour: pen.soft, size: 11 });
    pen.text(String(label), plane.x - 6, y(place), { align: "right", colour: pen.soft, size: 11 });
  }
  pen.clipped(plane.x, plane.y, plane.width, plane.height, () => {
    pen.line([[x(origin), y(0)], [x(origin), y(1)]], { colour: pen.faint, width: 1 });
    pen.line([[x(0), y(origin)], [x(1), y(origin)]], { colour: pen.faint, width: 1 });
    for (let k = 0; k < classes.shape[0]; k++) {
      pen.mark(SHAPES[classes.values[k]], x(points.values[2 * k]), y(points.values[2 * k + 1]), 3, pen.soft, true);
    }
    for (let unit = 0; unit < lines.shape[0]; unit++) {
      const [x0, y0, x1, y1] = lines.values.slice(4 * unit, 4 * unit + 4);
      if (Number.isNaN(x0)) continue;
      const look = off.values[unit] ? { colour: pen.vermilion, dash: [6, 4], width: 1.4 } : { colour: pen.blue, width: 1.2 };
      pen.line([[x(x0), y(y0)], [x(x1), y(y1)]], look);
    }
  });

  const [rows, steps] = raster.shape;
  const at = (panel, when) => panel.x + (when / (steps - 1)) * panel.width;
  titled(units, "how often each unit is on");
  const [cell, line] = [units.width / steps, units.height / rows];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < steps; column++) {
      pen.g.globalAlpha = raster.values[row * steps + column] / 255;
      pen.box(units.x + column * cell, units.y + row * line, cell + 0.3, line - (line > 3 ? 0.6 : 0), pen.blue);
    }
  }
  pen.g.globalAlpha = 1;
  pen.frame(units.x, units.y, units.width, units.height);
  pen.sideways(`${rows} units`, units.x - 14, units.y + units.height / 2, { align: "center", colour: pen.soft, size: 11 });

  pen.frame(shares.x, shares.y, shares.width, shares.height);
  const height = (share) => shares.y + (1 - share) * shares.height;
  for (const percent of [0, 50, 100]) pen.text(`${percent} %`, shares.x - 5, height(percent / 100), { align: "right", colour: pen.soft, size: 11 });
  const looks = [["off for every point", { colour: pen.vermilion, dash: [6, 4], width: 2 }], ["accuracy", { colour: pen.green, width: 2 }]];
  looks.forEach(([title, look], k) => {
    const left = shares.x + k * 150;
    pen.line([[left, shares.y - 11], [left + 22, shares.y - 11]], look);
    pen.text(title, left + 28, shares.y - 11, { colour: look.colour });
    pen.line(Array.from({ length: steps }, (_, when) => [at(shares, when), height(curves.values[2 * when + k])]), look);
  });
  for (const panel of [units, shares]) {
    for (const when of spike) pen.line([[at(panel, when), panel.y], [at(panel, when), panel.y + panel.height]], { colour: pen.soft, width: 1, dash: [2, 3] });
    pen.line([[at(panel, step), panel.y - 3], [at(panel, step), panel.y + panel.height + 3]], { width: 2 });
  }
  for (const when of [0, 20, 40, 60, 80, 100]) pen.text(String(when), at(shares, when), shares.y + shares.height + 12, { align: "center", colour: pen.soft, size: 11 });
  pen.text("step", shares.x - 14, shares.y + shares.height + 12, { align: "right", colour: pen.soft, size: 11 });
});

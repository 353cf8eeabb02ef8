export default explorer((pen, arrays, { axis, size_axis, one }) => {
  const LEFT = 22, FOOT = 40, HEAD = 44;
  const { bars, up, down, numbers } = arrays;
  const depth = numbers.shape[0];
  const tall = pen.narrow ? pen.height / 2 : pen.height;
  const height = tall - HEAD - FOOT;

  // Panels side by side, or in a narrow window the histograms above the two curves.
  const across = (x, to, y) => ({ x, y: y + HEAD, width: to - x, height });
  const part = pen.width * (pen.narrow ? 1 : 0.36);
  const layers = across(LEFT, part - 58, 0);
  const flat = across(part - 46, part - (pen.narrow ? 8 : 0), 0);
  const curves = pen.narrow ? [across(40, pen.width / 2 - 10, tall), across(pen.width / 2 + 42, pen.width - 8, tall)]
    : [across(part + 56, part + (pen.width - part) / 2 + 2, 0), across(part + (pen.width - part) / 2 + 58, pen.width - 8, 0)];

  const head = (panel, title, note, colour = pen.ink) => {
    pen.text(title, panel.x, panel.y - HEAD + 9, { weight: "600", colour });
    pen.text(note, panel.x, panel.y - HEAD + 25, { colour: pen.soft, size: 11 });
  };

  head(layers, "activations", "histograms, layer 1 on top", pen.blue);
  pen.under(layers, axis, String, "");
  head(flat, "flat", "outputs");
  const row = height / depth;
  const inner = Math.min(4, row / 5); // between a layer's bars and the layer above
  const size = Math.max(8, Math.min(12, row - 2));
  for (let layer = 0; layer < depth; layer++) {
    const [top, floor] = [layers.y + layer * row, layers.y + (layer + 1) * row];
    pen.text(String(layer + 1), LEFT - 6, floor - row / 2, { align: "right", colour: pen.soft, size });
    pen.line([[layers.x, floor - 0.5], [layers.x + layers.width, floor - 0.5]], { colour: pen.faint, width: 1 });
    pen.bars(bars.values, layer * bars.shape[1], bars.shape[1], layers.x, floor, layers.width, row - inner, pen.blue);
    const percent = numbers.values[(layer + 1) * numbers.shape[1] - 1];
    pen.box(flat.x, top + inner / 2, flat.width, row - inner, pen.panel);
    pen.box(flat.x, top + inner / 2, (flat.width * percent) / 100, row - inner, pen.faint);
    pen.text(format(percent, "percent"), flat.x + flat.width - 4, floor - row / 2, { align: "right", size });
  }

  // The activations have one place a layer, the gradient one more: below layer 1.
  const names = Array.from({ length: depth + 1 }, (_, layer) => [layer / depth, layer]);
  const labelled = names.filter(([, layer]) => layer % Math.ceil(depth / 5) === 0);
  const curve = (panel, { values, shape }, shape_of_mark, colour) => {
    pen.frame(panel.x, panel.y, panel.width, panel.height);
    pen.under(panel, labelled, String, pen.narrow ? "layer" : "layer (0: the input)");
    pen.beside(panel, size_axis, power);
    pen.line([[0, one], [1, one]].map((place) => pen.at(panel, place)), { colour: pen.faint, width: 1, dash: [2, 3] });
    const places = (line) => names.slice(depth + 1 - shape[1]).map(([x], k) => pen.at(panel, [x, values[line * shape[1] + k]]));
    pen.line(places(1), { colour, width: 1.6 });
    for (const [x, y] of places(0)) pen.mark(shape_of_mark, x, y, 3.6, colour);
  };
  head(curves[0], "signal, up", "std; line: theory", pen.blue);
  curve(curves[0], up, "circle", pen.blue);
  head(curves[1], "gradient, down", "× its std at the top", pen.vermilion);
  curve(curves[1], down, "diamond", pen.vermilion);
});

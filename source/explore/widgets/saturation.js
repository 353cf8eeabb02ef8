const GAP = 16;
const LAYER = 22; // for the layers' numbers
const HEAD = 40;
const FOOT = 22;

const size_name = (exponent) => (exponent === -12 ? `≤ ${power(exponent)}` : power(exponent));

export default explorer((pen, arrays, { activation_axis, size_axis }) => {
  const { activation_bars, gradient_bars, numbers, at } = arrays;
  const depth = numbers.shape[0];
  const tall = pen.narrow ? pen.height / 2 : pen.height;
  const row = (tall - HEAD - FOOT) / depth;
  const size = Math.max(8, Math.min(12, row - 2));
  const inner = Math.min(4, row / 5); // between a layer's bars and the layer above

  // All panels side by side, or in a narrow window two above the other three.
  const across = (from, to, y) => ({ x: LAYER + from * (pen.width - LAYER), y, width: (to - from) * (pen.width - LAYER) - (to < 1 ? GAP : 0) });
  const [up, down, sizes, flat, dead] = pen.narrow
    ? [across(0, 0.5, 0), across(0.5, 1, 0), across(0, 0.56, tall), across(0.56, 0.79, tall), across(0.79, 1, tall)]
    : [across(0, 0.3, 0), across(0.3, 0.6, 0), across(0.6, 0.8, 0), across(0.8, 0.9, 0), across(0.9, 1, 0)];

  const floor = (panel, layer) => panel.y + HEAD + (layer + 1) * row;
  const layers = Array.from({ length: depth }, (_, layer) => layer);
  const head = (panel, title, note, colour = pen.ink) => {
    pen.text(title, panel.x, panel.y + 9, { weight: "600", colour });
    pen.text(note, panel.x, panel.y + 25, { colour: pen.soft, size: 11 });
  };
  const axis = (panel, ticks, name) => {
    const y = panel.y + tall - FOOT;
    const labels = ticks.map(([place, label]) => {
      const wide = pen.measure(name(label), 11);
      const x = panel.x + place * panel.width;
      return { x, text: name(label), left: Math.max(panel.x, Math.min(x - wide / 2, panel.x + panel.width - wide)), wide };
    });
    const clear = (some) => some.every(({ left }, k) => !k || left > some[k - 1].left + some[k - 1].wide + 6);
    const every = clear(labels) ? 1 : 2;
    labels.forEach(({ x, text, left }, k) => {
      pen.line([[x, panel.y + HEAD], [x, y + 3]], { colour: pen.faint, width: 1, dash: [2, 3] });
      if (k % every === 0) pen.text(text, left, y + 12, { colour: pen.soft, size: 11 });
    });
  };
  const histograms = (panel, { values, shape }, colour) => {
    for (const layer of layers) {
      const y = floor(panel, layer);
      pen.line([[panel.x, y - 0.5], [panel.x + panel.width, y - 0.5]], { colour: pen.faint, width: 1 });
      pen.bars(values, layer * shape[1], shape[1], panel.x, y, panel.width, row - inner, colour);
    }
  };

  for (const panel of pen.narrow ? [up, sizes] : [up]) {
    for (const layer of layers) pen.text(String(layer + 1), LAYER - 6, floor(panel, layer) - row / 2, { align: "right", colour: pen.soft, size });
  }

  head(up, "activations", "histograms, layer by layer", pen.blue);
  axis(up, activation_axis, String);
  histograms(up, activation_bars, pen.blue);

  head(down, "gradients", "histograms of their sizes", pen.vermilion);
  axis(down, size_axis, size_name);
  histograms(down, gradient_bars, pen.vermilion);

  head(sizes, "std", "hollow: in theory");
  for (const [shape, name, x, colour] of [["circle", "up", 30, pen.blue], ["diamond", "down", 62, pen.vermilion]]) {
    pen.mark(shape, sizes.x + x, sizes.y + 9, 3.2, colour);
    pen.text(name, sizes.x + x + 7, sizes.y + 9, { colour, size: 11 });
  }
  axis(sizes, size_axis, size_name);
  const marks = [["circle", pen.blue, false], ["circle", pen.blue, true], ["diamond", pen.vermilion, false], ["diamond", pen.vermilion, true]];
  for (const layer of layers) {
    marks.forEach(([shape, colour, hollow], k) => {
      const place = at.values[layer * marks.length + k];
      const radius = Math.min(hollow ? 5.2 : 2.8, row / (hollow ? 2.4 : 4));
      if (!Number.isNaN(place)) pen.mark(shape, sizes.x + place * sizes.width, floor(sizes, layer) - row / 2, radius, colour, hollow);
    });
  }

  for (const [panel, title, note, column] of [[flat, "flat", "outputs", 6], [dead, "dead", "units", 7]]) {
    head(panel, title, note);
    for (const layer of layers) {
      const percent = numbers.values[layer * numbers.shape[1] + column];
      const y = floor(panel, layer) - row + inner / 2;
      pen.box(panel.x, y, panel.width, row - inner, pen.panel);
      pen.box(panel.x, y, (panel.width * percent) / 100, row - inner, pen.faint);
      pen.text(format(percent, "percent"), panel.x + panel.width - 4, y + (row - inner) / 2, { align: "right", size });
    }
  }
});

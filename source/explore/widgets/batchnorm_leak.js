export default explorer((pen, arrays, { letters, kinds, company, zero, statistics, size, size_axis, share_axis }) => {
  const { pictures, scores, verdicts, accuracies } = arrays;
  const HEAD = 22, FOOT = 40;
  const tall = pen.narrow ? 440 : pen.height;
  const width = pen.narrow ? pen.width : Math.min(0.6 * pen.width, 620) - 30;

  // One picture of 8 × 8 grey pixels.
  const show = (which, x, y, side) => {
    const [pixel, corner] = [side / 8, 64 * which];
    for (let k = 0; k < 64; k++) {
      const grey = pictures.values[corner + k];
      pen.box(x + (k % 8) * pixel, y + Math.floor(k / 8) * pixel, pixel + 0.4, pixel + 0.4, `rgb(${grey} ${grey} ${grey})`);
    }
  };
  const heading = (text, x, y) => pen.text(text, x, y, { weight: "600" });
  const badge = (text, x, y, colour, filled) => {
    pen.box(x - 9, y - 9, 18, 18, filled ? colour : pen.panel);
    pen.frame(x - 9, y - 9, 18, 18, colour);
    pen.text(text, x, y, { align: "center", weight: "600", colour: filled ? pen.panel : colour });
  };
  const right = kinds[0];
  const colour_of = (kind) => (kind === right ? pen.blue : pen.vermilion);

  // the image, and who is with it
  const big = 96;
  heading("the image", 0, 10);
  show(0, 0, HEAD, big);
  pen.text(`it is: ${letters[right]}`, 0, HEAD + big + 14);
  pen.text(`called: ${letters[verdicts.values[company]]}`, 0, HEAD + big + 32, { weight: "600", colour: colour_of(verdicts.values[company]) });
  const left = big + 24;
  heading(kinds.length > 1 ? "its companions" : "no companions: alone in its batch", left, 10);
  const across = width - left < 300 ? 8 : 11;
  const step = Math.min(38, (width - left) / across);
  kinds.slice(1).forEach((kind, k) => {
    const [x, y] = [left + (k % across) * step, HEAD + Math.floor(k / across) * (step + 12)];
    show(k + 1, x, y, step - 5);
    pen.text(letters[kind], x + (step - 5) / 2, y + step + 1, { align: "center", colour: pen.soft, size: 10 });
  });

  // what the classes get
  const [count] = scores.shape.slice(1);
  const low = tall - (pen.narrow ? 180 : 178);
  const bars = { x: 18, y: low + 18, width: width - 18, height: count * 15 };
  heading("its scores", 0, low + 4);
  pen.box(78, low - 1, 22, 9, pen.blue);
  pen.text(statistics[0], 106, low + 4, { colour: pen.soft, size: 11 });
  const after = 118 + pen.measure(statistics[0], 11);
  pen.line([[after, low - 3], [after, low + 11]], { width: 2.4 });
  pen.text(statistics[1], after + 7, low + 4, { colour: pen.soft, size: 11 });
  const origin = bars.x + zero * bars.width;
  for (let kind = 0; kind < count; kind++) {
    const y = bars.y + kind * 15;
    const to = (line) => bars.x + scores.values[line * count + kind] * bars.width;
    pen.text(letters[kind], 4, y + 6, { weight: kind === right ? "600" : "normal" });
    pen.box(bars.x, y, bars.width, 12, pen.panel);
    pen.box(Math.min(origin, to(0)), y, Math.abs(to(0) - origin), 12, colour_of(kind));
    pen.line([[to(1), y - 1], [to(1), y + 13]], { width: 2.4 });
  }
  pen.line([[origin, bars.y - 2], [origin, bars.y + bars.height]], { colour: pen.soft, width: 1 });

  // its class, company by company
  const row = bars.y + bars.height + 20;
  heading(`its class in each of ${verdicts.shape[0]} companies`, 0, row);
  const cell = Math.min(24, width / verdicts.shape[0]);
  verdicts.values.forEach((kind, k) => {
    const x = (k + 0.5) * cell;
    if (cell < 20) pen.text(letters[kind], x, row + 22, { align: "center", weight: "600", colour: colour_of(kind) });
    else badge(letters[kind], x, row + 22, colour_of(kind), kind !== right);
    if (k === company) pen.mark("triangle", x, row + 39, 4, pen.ink);
  });

  // all test images
  const from = pen.narrow ? 44 : width + 76;
  const plot = { x: from, y: (pen.narrow ? tall + 34 : 0) + 64, width: pen.width - from - 12, height: (pen.narrow ? pen.height - tall - 34 : tall) - 64 - FOOT };
  pen.text("right, by whose statistics", plot.x, plot.y - 54, { weight: "600" });
  const looks = [["this batch's, shuffled", "circle", pen.blue, []], ["this batch's, sorted by class", "diamond", pen.vermilion, []], ["the training set's", "square", pen.green, [6, 4]]];
  pen.frame(plot.x, plot.y, plot.width, plot.height);
  pen.under(plot, size_axis, String, "batch size");
  pen.beside(plot, share_axis, (percent) => `${percent} %`);
  pen.line([0, 1].map((y) => pen.at(plot, [size, y])), { colour: pen.soft, width: 1.4, dash: [2, 3] });
  looks.forEach(([title, shape, colour, dash], k) => {
    const points = Array.from({ length: accuracies.shape[0] }, (_, at) => pen.at(plot, [accuracies.values[4 * at], accuracies.values[4 * at + 1 + k]]));
    pen.line(points, { colour, width: 1.8, dash });
    for (const [x, y] of points) pen.mark(shape, x, y, 3, colour);
    const y = plot.y - 38 + 14 * k;
    pen.mark(shape, plot.x + 5, y, 3, colour);
    pen.text(title, plot.x + 14, y, { colour, size: 11 });
  });
});

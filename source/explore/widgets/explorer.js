// What all explorers share. A model has get(name), set(name, value), save_changes(), on(event, f) and off(event, f): the
// kernel's by way of anywidget, or table.js's. It holds `spec`, `state`, `arrays` and one value for each control.
// Nothing is computed here: arrays come with heights and places in 0..1, and are only turned into pixels.

const SPEAK_AFTER_MS = 600;
const TYPES = { float32: Float32Array, uint8: Uint8Array };

function explorer(draw) {
  return {
    render({ model, el }) {
      el.classList.add("explorer-host");
      const view = new View(model, draw);
      el.append(view.root);
      view.start();
      return () => view.end();
    },
  };
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// JupyterLab takes keys from everything in an output that does not ask for its own.
const KEYS = { "data-lm-suppress-shortcuts": "true" };

class View {
  constructor(model, draw) {
    this.model = model;
    this.spec = model.get("spec");
    this.drawing = draw;
    this.controls = this.spec.controls.filter((control) => control.values.length > 1).map((control) => this.control(control));
    const reset = make("button", { type: "button", ...KEYS }, "Reset");
    reset.addEventListener("click", () => this.reset());
    const grid = make("div", { class: "explorer-controls" }, ...this.controls.map((control) => control.element));
    if (this.spec.play) grid.append(make("div", { class: "explorer-player" }, ...this.player(), reset));
    else grid.append(make("div", { class: "explorer-control explorer-reset" }, reset));

    this.sentence = make("p", { class: "explorer-sentence", "aria-hidden": "true" });
    this.spoken = make("p", { class: "explorer-spoken", role: "status", "aria-live": "polite" });
    this.canvas = make("canvas", { class: "explorer-picture", role: "img" });
    this.code = make("code");
    this.copy = make("button", { type: "button", ...KEYS }, "Copy as code");
    this.copy.addEventListener("click", () => this.copied());
    this.table = make("table");
    this.details = make("details", {}, make("summary", KEYS, "The numbers"));
    const scroll = make("div", { class: "explorer-scroll", tabindex: "0", role: "region", "aria-label": "The numbers" }, this.table);
    this.details.append(scroll);
    this.details.addEventListener("toggle", () => this.fillTable());
    this.root = make("section", { class: "explorer", "aria-label": `${this.spec.name} explorer` });
    this.root.append(
      grid, this.sentence, this.spoken, this.canvas, make("div", { class: "explorer-code" }, this.copy, this.code), this.details,
    );
    this.root.style.setProperty("--wide", `${this.spec.heights[0]}px`);
    this.root.style.setProperty("--narrow", `${this.spec.heights[1]}px`);
    this.root.explorer = this;
  }

  start() {
    this.listeners = [["change:state", () => this.update()]];
    for (const control of this.controls) this.listeners.push([`change:${control.name}`, () => control.show()]);
    if (this.spec.play) this.listeners.push(["change:running", () => this.showRunning()]);
    for (const [event, listener] of this.listeners) this.model.on(event, listener);
    const redraw = () => this.paint();
    const redrawSoon = () => requestAnimationFrame(redraw); // JupyterLab hides everything while it changes its theme
    this.sizes = new ResizeObserver(redraw);
    this.sizes.observe(this.canvas);
    this.themes = new MutationObserver(redrawSoon);
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
    this.preference = matchMedia("(prefers-color-scheme: dark)");
    this.preference.addEventListener("change", redraw);
    this.redraw = redraw;
    if (this.spec.play) this.showRunning();
    this.update();
  }

  end() {
    for (const [event, listener] of this.listeners) this.model.off(event, listener);
    this.sizes.disconnect();
    this.themes.disconnect();
    this.preference.removeEventListener("change", this.redraw);
    clearTimeout(this.speaking);
    clearTimeout(this.thanking);
  }

  control(spec) {
    const output = make("output", { "aria-hidden": "true" });
    const range = { type: "range", min: 0, max: spec.values.length - 1, step: 1, ...KEYS };
    const input = spec.kind === "choice" ? make("select", KEYS, ...spec.texts.map((text) => make("option", {}, text))) : make("input", range);
    const place = () => (spec.kind === "choice" ? input.selectedIndex : Number(input.value));
    const show = () => {
      const at = spec.values.indexOf(this.model.get(spec.name));
      if (spec.kind === "choice") {
        input.selectedIndex = at;
      } else {
        input.value = at;
        input.setAttribute("aria-valuetext", spec.texts[at]);
        output.textContent = spec.texts[at];
      }
      this.showCode();
    };
    input.name = spec.name;
    input.addEventListener("input", () => this.set([[spec.name, spec.values[place()]]]));
    const label = make("label", {}, make("span", {}, spec.label), input);
    const element = make("div", { class: "explorer-control" }, label, ...(spec.kind === "choice" ? [] : [output]));
    return { name: spec.name, element, show };
  }

  // Where time passes: it runs or waits, and counts say how often a step or a new run was asked for.
  player() {
    const { step, again } = this.spec.play;
    const button = (text, pairs) => {
      const made = make("button", { type: "button", ...KEYS }, text);
      made.addEventListener("click", () => this.set(pairs()));
      return made;
    };
    this.toggle = button("Start", () => [["running", !this.model.get("running")]]);
    return [this.toggle, button(step, () => this.ask("asked_steps")), button(again, () => this.ask("asked_runs"))];
  }

  ask(name) {
    return [[name, this.model.get(name) + 1]];
  }

  showRunning() {
    this.toggle.textContent = this.model.get("running") ? "Pause" : "Start";
  }

  reset() {
    const starts = this.spec.controls.map((control) => [control.name, control.start]);
    this.set(this.spec.play ? [["running", false], ...starts, ...this.ask("asked_runs")] : starts);
  }

  set(pairs) {
    for (const [name, value] of pairs) this.model.set(name, value);
    this.model.save_changes();
  }

  update() {
    this.state = this.model.get("state");
    for (const control of this.controls) control.show();
    this.sentence.textContent = this.state.error ? `⚠ ${this.state.error}` : this.state.sentence;
    this.sentence.classList.toggle("explorer-error", Boolean(this.state.error));
    this.canvas.classList.toggle("explorer-stale", Boolean(this.state.error));
    if (!this.state.error) {
      this.arrays = this.read(this.model.get("arrays"));
      this.scalars = this.state.scalars;
      this.paint();
    }
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.speak(), this.canvas.hasAttribute("aria-label") ? SPEAK_AFTER_MS : 0);
  }

  // What need not keep up with a drag: the live region, the picture's text alternative, the table.
  speak() {
    this.spoken.textContent = this.sentence.textContent;
    this.canvas.setAttribute("aria-label", `${this.spec.picture} ${this.sentence.textContent}`);
    this.fillTable();
  }

  read(view) {
    const arrays = {};
    for (const [name, { type, shape, offset }] of Object.entries(this.state.arrays)) {
      const count = shape.reduce((product, length) => product * length, 1);
      const from = view.byteOffset + offset;
      const values = new TYPES[type](view.buffer.slice(from, from + count * TYPES[type].BYTES_PER_ELEMENT));
      arrays[name] = { values, shape };
    }
    return arrays;
  }

  paint() {
    const theme = document.body.dataset.jpThemeLight;
    const dark = theme ? theme === "false" : this.preference.matches;
    this.root.dataset.theme = dark ? "dark" : "light";
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.arrays) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = new Pen(this.canvas, width, height, ratio, getComputedStyle(this.root));
    pen.narrow = height === this.spec.heights[1];
    if (Object.keys(this.arrays).length) this.drawing(pen, this.arrays, this.scalars);
  }

  showCode() {
    const given = this.spec.given ? [this.spec.given] : [];
    const lasting = this.spec.controls.filter(({ name }) => name !== this.spec.play?.control);
    const set = lasting.map(({ name, values, codes }) => `${name}=${codes[values.indexOf(this.model.get(name))]}`);
    this.code.textContent = `explore.${this.spec.name}(${[...given, ...set].join(", ")})`;
  }

  async copied() {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(this.code.textContent);
    } catch {
      getSelection().selectAllChildren(this.code);
      said = "Press Ctrl+C";
    }
    this.copy.textContent = said;
    clearTimeout(this.thanking);
    this.thanking = setTimeout(() => (this.copy.textContent = "Copy as code"), 1500);
  }

  fillTable() {
    if (!this.details.open || !this.arrays || !this.arrays.numbers) return;
    const { values, shape } = this.arrays.numbers;
    const head = make("tr", {}, ...this.spec.columns.map(([title]) => make("th", { scope: "col" }, title)));
    const rows = Array.from({ length: shape[0] }, (_, row) =>
      make("tr", {}, ...this.spec.columns.map(([, kind], column) => make("td", {}, format(values[row * shape[1] + column], kind)))),
    );
    this.table.replaceChildren(make("thead", {}, head), make("tbody", {}, ...rows));
  }
}

function format(value, kind) {
  if (Number.isNaN(value)) return "–";
  if (kind === "count") return String(value);
  if (kind === "percent") return `${value.toFixed(0)} %`;
  return value.toPrecision(3).replace(/\.?0+(?=$|e)/, (zeros, at, text) => (text.includes(".") ? "" : zeros));
}

// A canvas in pixels of the page, in the page's colours and font.
class Pen {
  constructor(canvas, width, height, ratio, style) {
    this.g = canvas.getContext("2d");
    this.g.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.g.clearRect(0, 0, width, height);
    Object.assign(this, { width, height, narrow: false, family: style.fontFamily });
    for (const colour of ["ink", "soft", "faint", "panel", "blue", "vermilion", "green"]) this[colour] = style.getPropertyValue(`--${colour}`);
  }

  text(string, x, y, { align = "left", colour = this.ink, size = 12, weight = "normal" } = {}) {
    const { g } = this;
    g.font = `${weight} ${size}px ${this.family}`;
    g.fillStyle = colour;
    g.textAlign = align;
    g.textBaseline = "middle";
    g.fillText(string, x, y);
  }

  sideways(string, x, y, options) {
    this.g.save();
    this.g.translate(x, y);
    this.g.rotate(-Math.PI / 2);
    this.text(string, 0, 0, options);
    this.g.restore();
  }

  measure(string, size) {
    this.g.font = `${size}px ${this.family}`;
    return this.g.measureText(string).width;
  }

  box(x, y, width, height, colour) {
    this.g.fillStyle = colour;
    this.g.fillRect(x, y, width, height);
  }

  // An image of rows × columns pixels, red, green and blue from 0 to 255.
  image(values, rows, columns, x, y, width, height) {
    const pixels = new ImageData(columns, rows);
    for (let k = 0; k < rows * columns; k++) pixels.data.set([values[3 * k], values[3 * k + 1], values[3 * k + 2], 255], 4 * k);
    const small = make("canvas", { width: columns, height: rows });
    small.getContext("2d").putImageData(pixels, 0, 0);
    this.g.imageSmoothingEnabled = false;
    this.g.drawImage(small, x, y, width, height);
  }

  frame(x, y, width, height, colour = this.faint) {
    this.g.lineWidth = 1;
    this.g.strokeStyle = colour;
    this.g.setLineDash([]);
    this.g.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  }

  line(points, { colour = this.ink, width = 1.5, dash = [] } = {}) {
    const { g } = this;
    g.beginPath();
    points.forEach(([x, y], k) => (k ? g.lineTo(x, y) : g.moveTo(x, y)));
    g.lineWidth = width;
    g.strokeStyle = colour;
    g.setLineDash(dash);
    g.stroke();
  }

  // Bars of heights 0..255 on a floor at y, `tall` pixels at most.
  bars(heights, from, count, x, y, width, tall, colour) {
    const step = width / count;
    this.g.fillStyle = colour;
    for (let k = 0; k < count; k++) {
      const height = (heights[from + k] / 255) * tall;
      if (height) this.g.fillRect(x + k * step, y - height, Math.max(step - 0.5, 0.8), height);
    }
  }

  mark(shape, x, y, size, colour, hollow = false) {
    const { g } = this;
    g.beginPath();
    if (shape === "circle") g.arc(x, y, size, 0, 2 * Math.PI);
    if (shape === "square") g.rect(x - size, y - size, 2 * size, 2 * size);
    if (shape === "diamond" || shape === "triangle") {
      g.moveTo(x, y - size * 1.25);
      g.lineTo(x + size * 1.1, shape === "diamond" ? y : y + size * 0.8);
      if (shape === "diamond") g.lineTo(x, y + size * 1.25);
      g.lineTo(x - size * 1.1, shape === "diamond" ? y : y + size * 0.8);
      g.closePath();
    }
    if (shape === "star") {
      for (let k = 0; k < 10; k++) {
        const [angle, reach] = [(k * Math.PI) / 5 - Math.PI / 2, k % 2 ? size * 0.45 : size];
        g.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
      }
      g.closePath();
    }
    g.setLineDash([]);
    g.lineWidth = 1.4;
    g.strokeStyle = g.fillStyle = colour;
    if (hollow) g.stroke();
    else g.fill();
  }

  // A panel is { x, y, width, height }. Its places are 0..1 from the left and from the bottom.
  at(panel, [x, y]) {
    return [panel.x + x * panel.width, panel.y + (1 - y) * panel.height];
  }

  // The points of an array that ends in (count, 2), from one of its numbers on.
  points({ values }, panel, start, count) {
    return Array.from({ length: count }, (_, k) => this.at(panel, values.slice(start + 2 * k, start + 2 * k + 2)));
  }

  titled(panel, title) {
    this.text(title, panel.x, panel.y - 10, { weight: "600" });
  }

  // Ticks are [place, tick]; `name` says how a tick is written.
  under(panel, ticks, name, label) {
    const bottom = panel.y + panel.height;
    for (const [place, tick] of ticks) {
      const x = panel.x + place * panel.width;
      this.line([[x, bottom], [x, bottom + 4]], { colour: this.soft, width: 1 });
      this.text(name(tick), x, bottom + 12, { align: "center", colour: this.soft, size: 11 });
    }
    this.text(label, panel.x + panel.width / 2, bottom + 28, { align: "center", colour: this.soft });
  }

  beside(panel, ticks, name) {
    for (const [place, tick] of ticks) {
      const y = panel.y + (1 - place) * panel.height;
      this.line([[panel.x - 4, y], [panel.x, y]], { colour: this.soft, width: 1 });
      this.text(name(tick), panel.x - 7, y, { align: "right", colour: this.soft, size: 11 });
    }
  }

  inside({ x, y, width, height }, f) {
    this.clipped(x, y, width, height, f);
  }

  clipped(x, y, width, height, f) {
    this.g.save();
    this.g.beginPath();
    this.g.rect(x, y, width, height);
    this.g.clip();
    f();
    this.g.restore();
  }
}

// 10 to a power, as it is written: 10⁻⁶.
function power(exponent) {
  return "10" + String(exponent).replace(/./g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
}

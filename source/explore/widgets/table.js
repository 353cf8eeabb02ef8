// A model without a kernel: table_of() in table.py made every state there is, and this looks them up.
export function tableModel({ spec, states, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const values = Object.fromEntries(spec.controls.map(({ name, start }) => [name, start]));
  if (spec.play) Object.assign(values, { running: false, asked_steps: 0, asked_runs: 0 });
  const listeners = new Map();
  const tell = (event) => (listeners.get(event) ?? []).forEach((listener) => listener());
  const chosen = () => states[spec.controls.reduce((at, { name, values: all }) => at * all.length + all.indexOf(values[name]), 0)];
  let state = chosen();
  const model = {
    get(name) {
      if (name === "spec") return spec;
      if (name === "state") return state;
      return name === "arrays" ? new DataView(bytes.buffer, state.from) : values[name];
    },
    set(name, value) {
      if (values[name] === value) return;
      values[name] = value;
      tell(`change:${name}`);
    },
    save_changes() {
      if (state === chosen()) return;
      state = chosen();
      tell("change:state");
    },
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter((each) => each !== listener)),
  };
  if (spec.play) playing(spec, model);
  return model;
}

// Where time passes, it passes along one control, and this does what a kernel would.
function playing({ play, controls }, model) {
  const { values } = controls.find(({ name }) => name === play.control);
  const last = values.length - 1;
  const at = () => values.indexOf(model.get(play.control));
  const move = (to) => {
    model.set(play.control, values[to]);
    model.save_changes();
  };
  let timer;
  const tick = () => {
    move(Math.min(at() + 1, last));
    if (at() === last) model.set("running", false);
  };
  model.on("change:running", () => {
    clearInterval(timer);
    if (!model.get("running")) return;
    if (at() === last) move(0);
    timer = setInterval(tick, play.every_ms);
  });
  model.on("change:asked_steps", () => move(Math.min(at() + 1, last)));
  model.on("change:asked_runs", () => move(0));
}

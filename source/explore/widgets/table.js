// A model without a kernel: table_of() in table.py made every state there is, and this looks them up.
export function tableModel({ spec, states, data }) {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const values = Object.fromEntries(spec.controls.map(({ name, start }) => [name, start]));
  const listeners = new Map();
  const tell = (event) => (listeners.get(event) ?? []).forEach((listener) => listener());
  const chosen = () => states[spec.controls.reduce((at, { name, values: all }) => at * all.length + all.indexOf(values[name]), 0)];
  let state = chosen();
  return {
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
}

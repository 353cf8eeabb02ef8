// Brings explorers to life when they come near: a table is loaded by a script tag, which works from a disk as well.
// `explorers` and `tableModel` come from explorers.js.

const NEAR = "800px";
const waiting = new Map();

async function explorerTable(name, text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const table = await new Response(unpacked).json();
  const place = waiting.get(name);
  place.replaceChildren();
  explorers[place.dataset.explorer].render({ model: tableModel(table), el: place });
}

function load(place) {
  const script = document.createElement("script");
  waiting.set(place.dataset.table, place);
  script.src = `tables/${place.dataset.table}.js`;
  document.head.append(script);
}

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      load(target);
    }
  },
  { rootMargin: NEAR },
);
for (const place of document.querySelectorAll(".live")) near.observe(place);

// What is wider than the window scrolls, by keyboard too.
for (const place of document.querySelectorAll(".input_area, .output_subarea, table")) {
  if (place.scrollWidth > place.clientWidth) place.tabIndex = 0;
}

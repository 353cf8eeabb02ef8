"""Look at an explorer in a page, and move it as a person does."""

import numpy as np

AXE = ".explorer"
READ = """root => {
  const view = root.explorer;
  const plain = ({ values, shape }) => ({ values: [...values].map(String), shape });
  const arrays = Object.fromEntries(Object.entries(view.arrays).map(([name, array]) => [name, plain(array)]));
  return { state: view.state, arrays };
}"""


class Shown:
    """One explorer in a page."""

    def __init__(self, page, name, nth=0):
        self.page = page
        self.root = page.locator(f'section[aria-label="{name} explorer"]').nth(nth)

    @property
    def sentence(self):
        return self.root.locator(".explorer-sentence").inner_text()

    @property
    def error(self):
        return "explorer-error" in self.root.locator(".explorer-sentence").get_attribute("class")

    def read(self):
        """Return the state's JSON and arrays, as the page holds them."""
        held = self.root.evaluate(READ)
        arrays = {
            name: np.array(each["values"], dtype=float).reshape(each["shape"]) for name, each in held["arrays"].items()
        }
        return held["state"], arrays

    def value(self, name):
        return self.read()[0]["of"][name]

    def pixels(self):
        return self.root.locator("canvas").evaluate("canvas => canvas.toDataURL()")

    def input(self, name):
        return self.root.locator(f'[name="{name}"]')

    def settled(self, **values):
        """Wait until the state is the one of these values of the controls."""
        self.page.wait_for_function(
            "([root, values]) => Object.entries(values).every(([name, each]) => root.explorer.state.of[name] === each)",
            arg=[self.root.element_handle(), values],
            timeout=20_000,
        )

    def press(self, name, key, times=1):
        self.input(name).focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def drag(self, name, to, steps=12):
        """Drag a slider's thumb from where it is to a share of its track."""
        track = self.input(name)
        track.scroll_into_view_if_needed()
        box = track.bounding_box()
        at, last = (int(track.evaluate(f"input => input.{which}")) for which in ("value", "max"))
        thumb, y = 16, box["y"] + box["height"] / 2  # the thumb's middle moves between half a thumb from either end

        def x(share):
            return box["x"] + thumb / 2 + share * (box["width"] - thumb)

        self.page.mouse.move(x(at / last), y)
        self.page.mouse.down()
        self.page.mouse.move(x(to), y, steps=steps)
        self.page.mouse.up()


def assert_page_holds(shown, expected):
    """Compare what the page holds with an explorer that NumPy has made here."""
    state, arrays = shown.read()
    assert state["of"] == expected.values
    assert state["sentence"] == expected.state["sentence"] == shown.sentence
    assert state["scalars"] == expected.state["scalars"]
    assert set(arrays) == set(expected.state["arrays"])
    for name, array in arrays.items():
        np.testing.assert_array_equal(array.astype(np.float32), expected.read(name).astype(np.float32), name)


def serious(page, axe, where=AXE):
    """Return what axe-core finds there, in the explorers unless told otherwise, that is serious or worse."""
    page.evaluate(axe)
    found = page.evaluate("(where) => axe.run(where, { resultTypes: ['violations'] })", where)
    return [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]

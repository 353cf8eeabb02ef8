"""The explorers in a real JupyterLab, moved by mouse and keyboard, from a kernel that computes."""

import shutil

import pytest
from lab import PANEL, open_notebook, run_all, run_code, use_theme
from page import Shown, assert_page_holds, serious
from submissions import ROOT

from source import explore
from source.activations import PAIRS, tanh_backward, tanh_forward

pytestmark = pytest.mark.browser
MINE = PAIRS | {"fragile": (tanh_forward, tanh_backward)}
# an explorer, a slider of it, what a drag to the end and three keys to the left of that come to
MOVES = [
    ("Saturation", "weight_scale", 20.0, 14.0),
    ("ZigZag", "centring", 100, 85),
    ("DeadReLU", "input_mean", 3.0, 1.5),
    ("Whitening", "stage", "whitened", "centred"),
    ("InitializationLab", "std", 3.2, 1.6),
    ("BatchNormLeak", "batch_size", 32, 4),
    ("SearchSimulator", "importance", 1.0, 0.1),
]
CHOICES = [
    *(("Saturation", "activation", "tanh"), ("ZigZag", "fed_by", "sigmoid"), ("DeadReLU", "activation", "relu")),
    ("InitializationLab", "nonlinearity", "tanh"),
]
# an explorer, a function of its section that the notebook hands in, and a slider
ASKED = [
    ("Whitening", "whiten", "eps"),
    ("InitializationLab", "init_normal", "std"),
    ("BatchNormLeak", "batchnorm_forward", "company"),
    ("SearchSimulator", "random_search", "luck"),
]
NAMES = [name for name, *_ in MOVES]


def look_at(page, name):
    """Scroll to the cell that shows an explorer: JupyterLab hides those that are far from the window."""
    page.evaluate(
        f"""name => {{
          const {{ content }} = {PANEL};
          const shows = cell => cell.model.sharedModel.source.includes(`explore.${{name}}(`);
          return content.scrollToCell(content.widgets.find(shows));
        }}""",
        name,
    )
    shown = Shown(page, name)
    shown.root.locator("canvas[aria-label]").wait_for()
    return shown


def expected_of(name, **start):
    """Make the explorer that the notebook shows."""
    given = {} if name in ("Whitening", "BatchNormLeak", "SearchSimulator") else {"activations": MINE}
    return getattr(explore, name)(**given, **start)


@pytest.mark.parametrize("name", NAMES)
def test_an_explorer_shows_what_numpy_computes(notebook, name):
    assert_page_holds(look_at(notebook, name), expected_of(name))


@pytest.mark.parametrize(("name", "control", "end", "before"), MOVES)
def test_mouse_and_keyboard_move_a_slider(notebook, name, control, end, before):
    shown, expected = look_at(notebook, name), expected_of(name)
    pictures = [shown.pixels()]
    shown.drag(control, to=1)
    shown.settled(**{control: end})
    setattr(expected, control, end)
    assert_page_holds(shown, expected)
    pictures.append(shown.pixels())
    shown.press(control, "ArrowLeft", 3)
    shown.settled(**{control: before})
    setattr(expected, control, before)
    assert_page_holds(shown, expected)
    pictures.append(shown.pixels())
    assert len(set(pictures)) == 3
    assert shown.input(control).get_attribute("aria-valuetext") in shown.root.inner_text()
    shown.root.get_by_role("button", name="Reset").click()
    expected.reset()
    shown.settled(**expected.values)
    assert shown.pixels() == pictures[0]


@pytest.mark.parametrize(("name", "control", "first"), CHOICES)
def test_keys_choose_another_function(notebook, name, control, first):
    shown = look_at(notebook, name)
    before = shown.pixels()
    chosen = list(MINE)[list(MINE).index(first) + 1]
    shown.press(control, "ArrowDown")
    shown.settled(**{control: chosen})
    assert_page_holds(shown, expected_of(name, **{control: chosen}))
    assert shown.pixels() != before
    shown.root.get_by_role("button", name="Reset").press("Enter")
    shown.settled(**{control: first})


@pytest.mark.parametrize(("name", "control", "first"), CHOICES)
def test_a_function_that_fails_shows_its_error_and_recovers_once_it_is_mended(notebook, name, control, first):
    shown = look_at(notebook, name)
    slider = next(each for explorer, each, *_ in MOVES if explorer == name)
    shown.input(control).select_option("fragile")
    shown.settled(**{control: "fragile"})
    healthy = shown.sentence
    run_code(notebook, "def fragile_forward(x):\n    raise ValueError('lost in\\nthe layers')")
    shown.press(slider, "ArrowRight")
    notebook.wait_for_function("root => root.explorer.state.error", arg=shown.root.element_handle())
    assert shown.error
    assert shown.sentence.startswith("⚠ fragile_forward raised ValueError: lost in the layers. Mend it")
    run_code(notebook, "def fragile_forward(x):\n    return np.tanh(x), x")
    shown.press(slider, "ArrowLeft")
    notebook.wait_for_function("root => !root.explorer.state.error", arg=shown.root.element_handle())
    assert not shown.error
    assert shown.sentence == healthy
    shown.root.get_by_role("button", name="Reset").click()
    shown.settled(**{control: first})


@pytest.mark.parametrize(("name", "function", "slider"), ASKED)
def test_a_function_of_the_section_that_fails_shows_its_error_and_recovers(notebook, name, function, slider):
    shown = look_at(notebook, name)
    healthy, before = shown.sentence, shown.value(slider)
    run_code(notebook, f"kept = {function}\ndef {function}(*given):\n    raise ValueError('lost in\\nthe layers')")
    shown.press(slider, "ArrowRight")
    notebook.wait_for_function("root => root.explorer.state.error", arg=shown.root.element_handle())
    assert shown.error
    assert shown.sentence.startswith(f"⚠ {function} raised ValueError: lost in the layers. Mend it")
    run_code(notebook, f"{function} = kept")
    shown.press(slider, "ArrowLeft")
    shown.settled(**{slider: before})
    assert not shown.error
    assert shown.sentence == healthy


def test_a_select_changes_who_is_with_an_image_and_keys_wind_through_companies(notebook):
    shown = look_at(notebook, "BatchNormLeak")
    shown.input("companions").select_option("all E")
    shown.press("company", "ArrowRight", 4)
    shown.settled(companions="all E", company=5)
    assert_page_holds(shown, expected_of("BatchNormLeak", companions="all E", company=5))
    shown.root.get_by_role("button", name="Reset").click()
    shown.settled(companions="any class", company=1)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_jumps_when_the_sentence_or_an_error_changes(notebook, name):
    shown = look_at(notebook, name)
    control = next(each for explorer, each, *_ in MOVES if explorer == name)
    last = int(shown.input(control).get_attribute("max"))
    tops = shown.root.evaluate(
        """async (root, [control, last]) => {
          const input = root.querySelector(`[name="${control}"]`), tops = new Set();
          const canvas = root.querySelector("canvas");
          const look = () => tops.add(`${canvas.offsetTop} ${canvas.offsetHeight}`);
          for (let at = 0; at <= last; at += 4) {
            input.value = at;
            input.dispatchEvent(new Event("input"));
            await new Promise((done) => setTimeout(done, 120));
            look();
          }
          return [...tops];
        }""",
        [control, last],
    )
    assert len(tops) == 1
    shown.root.get_by_role("button", name="Reset").click()


def test_traits_set_in_python_show_in_the_page_and_widgets_compose(notebook):
    shown = look_at(notebook, "Saturation")
    run_code(notebook, "saturation.weight_scale = 2.5; saturation.depth = 3")
    shown.settled(weight_scale=2.5, depth=3)
    assert shown.input("weight_scale").get_attribute("aria-valuetext") == "2.5 / √n"
    assert_page_holds(shown, explore.Saturation(activations=MINE, weight_scale=2.5, depth=3))
    run_code(notebook, "saturation.reset()")
    shown.settled(weight_scale=1.0, depth=10)


def test_the_code_under_an_explorer_makes_it_again(notebook):
    shown = look_at(notebook, "ZigZag")
    shown.press("centring", "ArrowRight")
    shown.settled(centring=5)
    code = shown.root.locator(".explorer-code code").inner_text()
    assert code == "explore.ZigZag(activations=mine, fed_by='sigmoid', centring=5, learning_rate=1.0, start_angle=345)"
    run_code(notebook, f"again = {code}\nassert again.values == zigzag.values and again.state == zigzag.state")
    notebook.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.root.get_by_role("button", name="Copy as code").click()
    shown.root.get_by_role("button", name="Copied").wait_for()
    assert notebook.evaluate("navigator.clipboard.readText()") == code
    shown.root.get_by_role("button", name="Reset").click()
    shown.settled(centring=0)


def test_the_numbers_stand_in_a_table_and_the_sentence_is_spoken_when_it_rests(notebook):
    shown = look_at(notebook, "Saturation")
    shown.root.get_by_text("The numbers").click()
    shown.press("weight_scale", "ArrowRight", 3)
    shown.settled(weight_scale=1.4)
    spoken = shown.root.locator("[aria-live=polite]")
    notebook.wait_for_function("([a, b]) => a.textContent === b", arg=[spoken.element_handle(), shown.sentence])
    assert shown.sentence in shown.root.locator("canvas").get_attribute("aria-label")
    rows = shown.root.locator("tbody tr").all_inner_texts()
    numbers = shown.read()[1]["numbers"]
    assert len(rows) == len(numbers) == 10
    first = rows[0].split("\t")
    assert first[0] == "1"
    assert float(first[1]) == pytest.approx(numbers[0, 1], rel=6e-3)
    assert first[6] == f"{numbers[0, 6]:.0f} %"
    shown.root.get_by_text("The numbers").click()
    shown.root.get_by_role("button", name="Reset").click()
    shown.settled(weight_scale=1.0)


def test_a_student_who_has_no_function_yet_is_told_what_to_hand_in(notebook):
    run_code(
        notebook,
        "import sys; kept = sys.modules['source.activations']; sys.modules['source.activations'] = None\n"
        "from IPython.display import display; none = explore.Saturation(); sys.modules['source.activations'] = kept\n"
        "assert 'explore.Saturation(activations={' in none.state['error']",
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(notebook, axe, dark):
    use_theme(notebook, dark)
    try:
        shown = look_at(notebook, "Saturation")
        notebook.wait_for_timeout(300)
        assert shown.root.get_attribute("data-theme") == ("dark" if dark else "light")
        followed = shown.pixels()
        shown.root.evaluate("root => root.explorer.paint()")
        assert shown.pixels() == followed
        assert serious(notebook, axe) == []
    finally:
        use_theme(notebook, dark=False)


def test_a_drag_ends_where_the_thumb_is_and_never_floods_the_kernel(notebook):
    shown = look_at(notebook, "Saturation")
    run_code(notebook, "answers = []; saturation.observe(answers.append, names='state')")
    counting = "performance.memory.usedJSHeapSize"
    for to in (1, 0):
        shown.drag("weight_scale", to, steps=40)
    shown.settled(weight_scale=0.1)
    before = notebook.evaluate(counting)
    for to in (1, 0, 1):
        shown.drag("weight_scale", to, steps=40)
    shown.settled(weight_scale=20.0)
    assert notebook.evaluate(counting) < before + 30e6
    run_code(notebook, "assert 5 <= len(answers) <= 5 * 40, len(answers)")
    shown.root.get_by_role("button", name="Reset").click()
    shown.settled(weight_scale=1.0)


PLAYED = {
    "01_activations": {
        "Saturation": "activations=mine",
        "ZigZag": "activations=mine",
        "DeadReLU": "activations=mine, dead_fraction=dead_fraction",
    },
    "02_preprocessing": {"Whitening": "functions=mine"},
    "03_initialization": {"InitializationLab": "functions=my_functions"},
    "04_batchnorm": {"BatchNormLeak": "functions=my_functions"},
    "06_hyperparameters": {"SearchSimulator": "functions=my_functions"},
}


@pytest.mark.parametrize("folder", PLAYED)
def test_run_all_of_a_solved_notebook_ends_with_its_explorers_on_the_students_functions(lab, watched, folder):
    address, root = lab
    notebook = f"{folder[3:]}.ipynb"
    shutil.copy(ROOT / "notebooks" / folder / notebook, root)
    page = watched[0](viewport={"width": 1100, "height": 900})
    open_notebook(page, address, notebook)
    run_all(page)
    outputs = page.evaluate(f"{PANEL}.content.widgets.flatMap(cell => cell.model.outputs?.toJSON() ?? [])")
    assert [each for each in outputs if each["output_type"] == "error" or each.get("name") == "stderr"] == []
    widgets = sum("application/vnd.jupyter.widget-view+json" in each.get("data", {}) for each in outputs)
    assert widgets == len(PLAYED[folder])
    for name, functions in PLAYED[folder].items():
        shown = look_at(page, name)
        assert not shown.error
        assert f"explore.{name}({functions}, " in shown.root.locator(".explorer-code").inner_text()


def test_nothing_went_wrong_in_the_page_and_nobody_else_was_asked(notebook, watched):
    assert watched[1] == []


def test_a_run_is_started_changed_paused_and_begun_anew_while_other_cells_run(notebook):
    shown = look_at(notebook, "Babysitter")
    button = shown.root.get_by_role("button", name="Start")
    fresh = shown.pixels()
    button.press("Enter")  # as everything here, it works by keyboard too
    notebook.wait_for_function(
        "root => root.explorer.state.sentence.startsWith('Step ')", arg=shown.root.element_handle()
    )
    run_code(notebook, "answer = 6 * 7; assert answer == 42")  # which comes through while it trains
    assert shown.root.get_by_role("button", name="Pause").is_visible()
    shown.press("learning_rate", "Home")
    shown.settled(learning_rate=1e-6)
    shown.root.get_by_role("button", name="Pause").click()
    shown.root.get_by_role("button", name="Start").wait_for()
    notebook.wait_for_timeout(500)
    stopped, sentence = shown.pixels(), shown.sentence
    notebook.wait_for_timeout(500)
    assert (shown.pixels(), shown.sentence) == (stopped, sentence)
    assert stopped != fresh
    shown.root.get_by_role("button", name="One step").click()
    notebook.wait_for_function(
        "([root, was]) => root.explorer.state.sentence !== was", arg=[shown.root.element_handle(), sentence]
    )
    shown.root.get_by_role("button", name="Reset").click()
    shown.settled(learning_rate=0.03)
    notebook.wait_for_function(
        "root => root.explorer.state.sentence.startsWith('Nothing')", arg=shown.root.element_handle()
    )
    assert shown.pixels() == fresh


def test_a_run_whose_function_fails_says_so_and_goes_on_once_it_is_mended(notebook):
    shown = look_at(notebook, "Babysitter")
    handle = shown.root.element_handle()
    run_code(notebook, "def update_ratio(*given):\n    raise ValueError('no ratio')")
    shown.root.get_by_role("button", name="Start").click()
    notebook.wait_for_function("root => root.explorer.state.error", arg=handle)
    assert "update_ratio raised ValueError: no ratio" in shown.sentence
    run_code(notebook, "update_ratio = right_ratio")
    shown.root.get_by_role("button", name="Reset").click()
    notebook.wait_for_function("root => !root.explorer.state.error", arg=handle)
    shown.root.get_by_role("button", name="One step").click()
    notebook.wait_for_function("root => root.explorer.state.sentence.startsWith('Step 1 ')", arg=handle)
    shown.root.get_by_role("button", name="Reset").click()

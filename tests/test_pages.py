"""What a browser is given of a submission: feedback pages and formgrader run nothing that a student wrote."""

import base64
import gc
import json
import struct
import weakref
import zlib

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import Preprocessor
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from submissions import cell_of, solved, with_source, write
from test_demo import command
from test_engine import make_course
from traitlets.config import Config

from autograder import grading
from autograder.course import SECTIONS
from autograder.pages import FeedbackExporter, harmless
from autograder.release import release

SECTION = SECTIONS[0]
SCRIPT = "<script>alert(1)</script>"
MARKDOWN = [
    SCRIPT,
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)></svg>",
    "[click](javascript:alert(1))",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "<a href=' JavaScript:alert(1)'>click</a>",
    "<iframe src='//example.org'></iframe><object data=x></object><embed src=x>",
    "<form action='//example.org'><input name=a><button>go</button></form>",
    "<style>body { display: none }</style><div style='position: fixed'>over everything</div>",
    "<img src='https://example.org/pixel.png'>",
    "<meta http-equiv=refresh content='0; url=//example.org'><base href='//example.org'>",
    "<details ontoggle=alert(1) open>x</details>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<p id=why_zero_centred class='modal-backdrop'>in the place of the score's input</p>",
    "```python\nprint('" + SCRIPT + "')\n```",
    "`" + SCRIPT + "` and $<img src=x onerror=alert(1)>$",
    "![x](attachment:evil.svg)",
]
DISPLAYS = f"""
from IPython.display import HTML, SVG, Javascript, Markdown, Image, display

display(HTML({SCRIPT!r}), SVG("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), Javascript("alert(1)"))
display(Markdown({SCRIPT!r}))
display({{"image/png": '"><img src=x onerror=alert(1)>', "text/html": {SCRIPT!r}}}, raw=True)
display({{"application/vnd.jupyter.widget-view+json": {{"model_id": "x"}}}}, raw=True)
display({{"image/png": "aGVsbG8="}}, raw=True, metadata={{"image/png": {{"width": "1 onload=alert(1)"}}}})
print({SCRIPT!r}, "\\x1b]8;;javascript:alert(1)\\x1b\\\\link\\x1b]8;;\\x1b\\\\")
raise ValueError({SCRIPT!r})
"""


def png(width, height):
    """A PNG that claims a size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 10)) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


def hostile():
    """A solved notebook that brings script wherever a page might take it from."""
    nb = solved()
    where = nb.cells.index(cell_of(nb, "sigmoid_forward"))
    nb.cells[where:where] = [
        *[new_markdown_cell(text) for text in MARKDOWN],
        new_markdown_cell("text", attachments={"evil.svg": {"image/svg+xml": SCRIPT}, '"><b': {"image/png": SCRIPT}}),
        new_raw_cell(SCRIPT, metadata={"raw_mimetype": "text/html"}),
        new_code_cell("'<b>' + " + repr(SCRIPT), metadata={"tags": [SCRIPT, "x onload=alert(1)"]}),
        new_code_cell("1", metadata={"magics_language": SCRIPT, "collapsed": True, "name": SCRIPT}),
        new_code_cell(DISPLAYS),
        new_code_cell(
            f"from IPython.display import display\ndisplay({{'image/png': {png(60_000, 60_000)!r}}}, raw=True)\n"
            f"display({{'image/png': {png(3, 3)!r}}}, raw=True)"
        ),
    ]
    cell_of(nb, "why_zero_centred").source = f"Because {SCRIPT} <b onclick=alert(1)>bold</b> $\\sigma(x) > 0$"
    nb.metadata["title"] = SCRIPT
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"x": f"</script>{SCRIPT}"}}}
    nb.metadata["language_info"] = {"name": "python", "pygments_lexer": f'"{SCRIPT}'}
    return nb


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """By student: the feedback page and formgrader's page, of an honest and of a hostile submission."""
    course = make_course(tmp_path_factory.mktemp("pages"))
    release(course, SECTION)
    made = {}
    for student, nb in (("honest", solved()), ("hostile", hostile())):
        folder = course.classroom / "submitted" / student / SECTION.folder
        folder.mkdir(parents=True)
        write(nb, folder / "activations.ipynb")
    result = command(course, "autograder", "grade")
    assert result.returncode == 0, result.stdout + result.stderr
    for student in ("honest", "hostile"):
        assert grading.recorded_grade(course, SECTION, student).points == 45
        feedback = grading.feedback_page(course, SECTION, student).read_text()
        graded = course.classroom / "autograded" / student / SECTION.folder / "activations.ipynb"
        made[student] = [feedback, formgrader_page(course, graded)]
    return made


def formgrader_page(course, path):
    """Render an autograded notebook as formgrader does."""
    from nbgrader.server_extensions.formgrader import handlers
    from nbgrader.server_extensions.formgrader.formgrader import FormgradeExtension

    config = Config(course.config)
    config.merge(FormgradeExtension.build_extra_config(FormgradeExtension()))
    resources = {
        "notebook_id": "activations", "index": 0, "total": 1, "base_url": "", "mathjax_url": "", "student": "x",
        "assignment_id": "x", "submission_id": "x", "prev": None, "next": None, "first_name": "", "last_name": "",
        "last": None, "notebook": "activations",
    }  # fmt: skip
    assert handlers.template_path in config.HTMLExporter.extra_template_basedirs
    return HTMLExporter(config=config).from_notebook_node(nbformat.read(path, as_version=4), resources)[0]


def active(page):
    """Everything in a page that a browser would run or fetch."""
    tree = BeautifulSoup(page, "html.parser")
    found = [
        f"<{tag.name}> {tag.get_text()[:80]}" for tag in tree(["script", "iframe", "object", "embed", "form", "svg"])
    ]
    found += [f"<{tag.name}> {tag.get('content')}" for tag in tree(["meta", "base"])]
    for tag in tree(True):
        for name, value in tag.attrs.items():
            text = " ".join(value) if isinstance(value, list) else value
            fetched = name in ("src", "href", "action", "data") and text.lower().strip().startswith(
                ("http", "//", "javascript", "data:text", "data:image/svg")
            )
            if name.startswith("on") or fetched:
                found.append(f"<{tag.name} {name}={text[:80]}>")
    return sorted(found)


@pytest.mark.parametrize("page", [0, 1], ids=["feedback", "formgrader"])
def test_a_page_runs_and_fetches_nothing_that_a_submission_brings(pages, page):
    honest, hostile_page = pages["honest"][page], pages["hostile"][page]
    assert "over everything" in hostile_page, "the hostile cells must be on the page, or this holds nothing"
    assert active(hostile_page) == active(honest)


def test_formgrader_takes_its_mathjax_from_the_server_that_shows_the_page(pages):
    sources = [script["src"] for script in BeautifulSoup(pages["honest"][1], "html.parser")("script", src=True)]
    assert [source for source in sources if "//" in source] == []
    (mathjax,) = [source for source in sources if "MathJax" in source]
    assert mathjax.startswith("../../../static/jupyter_server_mathjax/MathJax.js?config=")


@pytest.mark.parametrize("page", [0, 1], ids=["feedback", "formgrader"])
def test_no_id_of_the_page_is_taken_and_no_style_is_set(pages, page):
    tree = BeautifulSoup(pages["hostile"][page], "html.parser")
    assert len([tag for tag in tree(True) if tag.get("id") == "why_zero_centred"]) <= 1
    assert not tree.select(".modal-backdrop")
    assert "position: fixed" not in str(tree.body)


@pytest.mark.parametrize("page", [0, 1], ids=["feedback", "formgrader"])
def test_what_is_harmless_is_still_there(pages, page):
    text = BeautifulSoup(pages["hostile"][page], "html.parser").get_text()
    assert "alert(1)" in text, "script is shown as text"
    assert r"$\sigma(x) > 0$" in text
    tree = BeautifulSoup(pages["honest"][page], "html.parser")
    assert len(tree(["h1", "h2", "h3"])) > 5
    assert tree.select("table, strong, em, code")


def test_a_picture_that_would_fill_the_memory_is_dropped_and_a_small_one_kept(pages):
    tree = BeautifulSoup(pages["hostile"][0], "html.parser")
    shown = [tag["src"] for tag in tree("img") if tag.get("src", "").startswith("data:image/png")]
    assert f"data:image/png;base64,{png(3, 3)}" in [source.replace("\n", "") for source in shown]
    assert not any(png(60_000, 60_000) in source for source in shown)


@pytest.mark.parametrize(
    "html",
    [
        "<h2>Title</h2>",
        '<a href="https://arxiv.org/abs/1502.01852">He</a>',
        '<img alt="curve" src="assets/curve.png">',
        "<table><tbody><tr><td>1</td></tr></tbody></table>",
        "<p>x<sub>i</sub> &lt; 3</p>",
    ],
)
def test_harmless_html_is_left_as_it_is(html):
    assert sorted(harmless(html)) == sorted(html)


def test_nothing_of_the_metadata_survives_but_what_grading_reads(pages, tmp_path):
    from autograder.notebook import released_cells, restore

    nb = hostile()
    restore(nb, released_cells(solved()))
    kept = json.dumps(
        [nb.metadata, *[cell.metadata for cell in nb.cells], *[cell.get("attachments") for cell in nb.cells]]
    )
    assert "alert(1)" not in kept
    assert nb.metadata.course.section == "activations"
    assert with_source(nb, relu_forward="x").metadata.language_info == {"name": "python"}


def test_our_exporter_makes_nbconverts_page_with_words_for_every_picture():
    nb = new_notebook(
        cells=[
            new_markdown_cell("# A title\n\n*text*, $x^2$, and `code`"),
            new_code_cell("print('x < 1')\nx = [1, 'two']  # three", outputs=[new_output("stream", text="x < 1\n")]),
            new_code_cell(
                "plot()", outputs=[new_output("display_data", {"image/png": png(3, 3), "text/plain": "<Figure>"})]
            ),
        ]
    )
    pages = [
        BeautifulSoup(kind().from_notebook_node(nb)[0], "html.parser") for kind in (FeedbackExporter, HTMLExporter)
    ]
    ours, theirs = pages
    assert list(ours.stripped_strings) == list(theirs.stripped_strings)
    assert [tag.name for tag in ours.find_all()] == [tag.name for tag in theirs.find_all()]
    assert [image["src"] for image in ours.find_all("img")] == [image["src"] for image in theirs.find_all("img")] != []
    assert [image["alt"] for image in ours.find_all("img")] == ["A picture that this cell drew"]


def test_a_class_of_pages_leaves_nothing_of_the_notebooks_in_the_exporter():
    seen = []

    class Watch(Preprocessor):
        def preprocess(self, nb, resources):
            seen.append(weakref.ref(nb.metadata))
            return nb, resources

    exporter = FeedbackExporter()
    exporter.register_preprocessor(Watch(), enabled=True)
    for student in ("ada", "bela"):
        exporter.from_notebook_node(new_notebook(), {"metadata": {"name": student, "path": ""}})
    gc.collect()
    assert [metadata() for metadata in seen] == [None, None]

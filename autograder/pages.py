"""Show a student's markdown in formgrader and on feedback pages without running anything of it.

nbgrader's templates render markdown as it comes, script and all, in the instructor's browser. nbgrader_config.py puts
this filter in the place of nbconvert's; the notebook itself is not changed.
"""

import re
from functools import lru_cache
from typing import Any

import bleach
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import NotebookNode

TAGS = (
    "a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q s samp "
    "small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
)
PICTURE_WITHOUT_WORDS = re.compile(r"<img(?![^>]*\balt=)")
ALT = ' alt="A picture that this cell drew"'
PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,")
TITLES = ("alt", "title", "width", "height", "colspan", "rowspan", "align", "start", "open")


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """Render a cell's markdown, and keep what is text, table, link to a page, or picture within the notebook."""
    cell: Any = context.get("cell", {})
    attachments = cell.get("attachments", {})
    return _rendered(source, attachments) if attachments else _rendered_text(source)


@lru_cache(maxsize=1024)  # most cells are the same for the whole class
def _rendered_text(source: str) -> str:
    return _rendered(source, {})


def _rendered(source: str, attachments: Any) -> str:
    renderer = IPythonRenderer(escape=False, attachments=attachments, exclude_anchor_links=True)
    markdown = MarkdownWithMath(renderer=renderer)
    try:
        return harmless(markdown.render(source))
    except InvalidNotebook:  # it shows a picture that is not attached, which is no reason to show nothing
        return harmless(markdown.render(source.replace("attachment:", "missing picture ")))


def harmless(html: str) -> str:
    """Return HTML without scripts, frames, forms, styles, ids, and addresses that a browser would fetch by itself."""
    protocols = {"http", "https", "mailto", "data"}
    return str(bleach.clean(html, tags=TAGS.split(), attributes=_allowed, protocols=protocols, strip=True))


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and (value.startswith(PICTURES) or _is_beside(value))
    if name == "href":
        return tag == "a" and not value.lower().lstrip().startswith("data:")
    if name == "class":  # the colours of code
        return len(value) <= 3 if tag == "span" else tag == "div" and value.split()[:1] == ["highlight"]
    return name in TITLES


def _is_beside(address: str) -> bool:
    """Tell whether an address is a file's, relative to the page."""
    return ":" not in address and not address.startswith(("/", "\\"))


_HIGHLIGHT = Highlight2HTML(pygments_lexer="ipython3")


@lru_cache(maxsize=1024)
def _coloured(source: str) -> str:
    return str(_HIGHLIGHT(source))


def highlight(source: str, language: str | None = None, metadata: Any = None) -> str:
    """Return a code cell as HTML with its parts in colours; what language it is in, it cannot choose."""
    return _coloured(source)


class FeedbackExporter(HTMLExporter):
    """nbconvert's exporter to HTML, without its second reading of the whole page, which takes two thirds of the time.

    What nbgrader's feedback template has of that, words for pictures that have none, is done here.
    """

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[str, dict[str, Any]]:
        """Return a notebook as a page."""
        stock: Any = self
        resources = stock._init_resources(resources)
        types = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        stock.register_filter("highlight_code", highlight)
        stock.register_filter("filter_data_type", types)
        page, resources = TemplateExporter.from_notebook_node(self, nb, resources, **more)
        stock._nb_metadata.clear()  # which nbconvert keeps of every notebook: in a class, that is a leak
        return PICTURE_WITHOUT_WORDS.sub(f"<img{ALT}", page), resources

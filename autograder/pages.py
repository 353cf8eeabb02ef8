"""Show a student's markdown in formgrader and on feedback pages without running anything of it.

nbgrader's templates render markdown as it comes, script and all, in the instructor's browser. nbgrader_config.py puts
this filter in the place of nbconvert's; the notebook itself is not changed.
"""

from typing import Any

import bleach
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath

TAGS = (
    "a abbr b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q s samp "
    "small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
)
PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,")
TITLES = ("alt", "title", "width", "height", "colspan", "rowspan", "align", "start", "open")


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """Render a cell's markdown, and keep what is text, table, link to a page, or picture within the notebook."""
    cell: Any = context.get("cell", {})
    renderer = IPythonRenderer(escape=False, attachments=cell.get("attachments", {}), exclude_anchor_links=True)
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

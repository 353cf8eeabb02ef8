"""Turn notebooks into pages, which ask nobody else for anything: style, scripts and MathJax lie beside them."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import jinja2
import jupyter_server_mathjax
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_output
from pygments.formatters import HtmlFormatter

from source import explore
from source.explore.widgets.explorer import HERE as WIDGETS
from source.explore.widgets.explorer import script

HERE = Path(__file__).resolve().parent
MATHJAX = Path(jupyter_server_mathjax.__file__).parent / "static"
MATHJAX_LEFT_OUT = ("localization", "a11y", "SVG")  # more than half of it
COLOURS = (("vs", "{css}"), ("github-dark", "@media (prefers-color-scheme: dark) {{\n{css}\n}}"))
EXPORTER = HTMLExporter(
    template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True, exclude_anchor_links=True
)
TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined)


@dataclass(frozen=True)
class Link:
    """A page as the others point to it."""

    name: str
    title: str
    summary: str = ""


def write_page(target: Path, name: str, links: Sequence[Link], **parts: Any) -> None:
    """Write a page: `name`.html from the template of that name, or from that of all notebooks."""
    template = "index" if name == "index" else "notebook"
    page = TEMPLATES.get_template(f"{template}.html.j2").render(name=name, links=links, **parts)
    (target / f"{name}.html").write_text(page, encoding="utf-8")


def body_of(nb: NotebookNode) -> str:
    """Return a notebook's cells as HTML."""
    return str(EXPORTER.from_notebook_node(nb)[0])


def explorer_output(target: Path, page: str, table: dict[str, Any]) -> NotebookNode:
    """Write an explorer's table, and return the output that brings the explorer to life.

    What it says at the start stands there until it does, or for good where scripts do not run.
    """
    name, number = f"{page}-{table['name']}", 1
    while (target / "tables" / f"{name}.js").exists():
        number += 1
        name = f"{page}-{table['name']}-{number}"
    (target / "tables" / f"{name}.js").write_text(f'explorerTable("{name}", "{table["table"]}");\n', encoding="ascii")
    waiting = f"<p>{escape(table['sentence'])}</p>"
    note = f'<p class="live-note">{escape(table["note"])}</p>' if table["note"] else ""
    live = f'<div class="live" data-explorer="{table["name"]}" data-table="{name}">{waiting}</div>{note}'
    output: NotebookNode = new_output("display_data", data={"text/html": live})
    return output


def write_assets(target: Path) -> None:
    """Write what all pages share."""
    for name in ("site.css", "site.js"):
        shutil.copyfile(HERE / name, target / name)
    shutil.copyfile(WIDGETS / "explorer.css", target / "explorer.css")
    (target / "code.css").write_text(
        "\n".join(
            frame.format(css=HtmlFormatter(style=style).get_style_defs(".highlight")) for style, frame in COLOURS
        ),
        encoding="utf-8",
    )
    (target / "explorers.js").write_text(scripts(), encoding="utf-8")
    shutil.copytree(MATHJAX, target / "mathjax", ignore=shutil.ignore_patterns(*MATHJAX_LEFT_OUT))


def scripts() -> str:
    """Return every explorer's script, and the table's, as one that a page from a disk may load: no module may be."""
    parts = ["const explorers = {};"]
    for name, module in explore.EXPLORERS.items():
        parts.append(f"explorers.{name} = (() => {{\n{_returning(script(module))}\n}})();")
    exported = (WIDGETS / "table.js").read_text(encoding="utf-8")
    parts.append(
        f"const {{ tableModel }} = (() => {{\n{exported.replace('export ', '')}\nreturn {{ tableModel }};\n}})();"
    )
    return "\n".join(parts) + "\n"


def _returning(module: str) -> str:
    """Turn a module's default export into what a function returns."""
    return re.sub(r"^export default ", "return ", module, count=1, flags=re.MULTILINE)

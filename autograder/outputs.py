"""What is kept of a student cell's outputs: plain text and PNG pictures, checked, since a browser will show them."""

import base64
import binascii
import struct
from typing import Any

from nbformat import NotebookNode

from autograder.sandbox.wire import sound

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXELS = 16_000_000  # more would make a browser slow; a few kilobytes can hold a billion
ITEMS = 500
LINES = 100  # of a traceback


def error_output(name: str, text: str, lines: list[str]) -> NotebookNode:
    """Return an error as a notebook holds it."""
    return NotebookNode(output_type="error", ename=name, evalue=text, traceback=lines)


def text_output(text: str, name: str = "stdout") -> NotebookNode:
    """Return printed text as a notebook holds it."""
    return NotebookNode(output_type="stream", name=name, text=text)


def shown_output(kind: str, data: dict[str, str], count: int | None = None) -> NotebookNode:
    """Return something displayed, or, with its number, a cell's result, as a notebook holds it."""
    numbered = {"execution_count": count} if kind == "execute_result" else {}
    return NotebookNode(output_type=kind, data=NotebookNode(data), metadata=NotebookNode(), **numbered)


def kept_outputs(sent: Any, limit: int) -> list[NotebookNode]:
    """Turn what the jail sent into a cell's outputs: nothing in it is believed.

    `limit` bounds the characters of text, and the bytes of pictures, of the whole cell.
    """
    outputs: list[NotebookNode] = []
    room = limit + 10_000  # for the sentence that says that more was cut off
    for item in sent[: 10 * ITEMS] if isinstance(sent, list) else []:
        output: NotebookNode | None = _kept(item) if isinstance(item, dict) else None
        if output is None:
            continue
        room -= _size(output)
        if room < 0 or len(outputs) == ITEMS:
            outputs.append(text_output("[more outputs were cut off]\n", "stderr"))
            break
        outputs.append(output)
    return outputs


def _kept(item: dict[str, Any]) -> Any:
    match item:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str() as text}:
            return text_output(sound(text), name)
        case {"output_type": "error", "ename": str() as ename, "evalue": str() as evalue, "traceback": list() as lines}:
            traceback = [sound(line) for line in lines[-LINES:] if isinstance(line, str)]
            return error_output(sound(ename[:200]), sound(evalue), traceback)
        case {"output_type": "display_data" | "execute_result" as kind, "data": dict() as data}:
            kept = {}
            if isinstance(data.get("text/plain"), str):
                kept["text/plain"] = sound(data["text/plain"])
            picture = _picture(data.get("image/png"))
            if picture:
                kept["image/png"] = picture
            return shown_output(kind, kept, _count(item.get("execution_count"))) if kept else None
    return None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 31 else None


def _picture(value: Any) -> str:
    """Return a PNG in base64 if it is one, and of a size that a browser can show."""
    try:
        raw = base64.b64decode("".join(value.split()), validate=True) if isinstance(value, str) else value
    except (binascii.Error, ValueError):
        return ""
    if not isinstance(raw, bytes) or not raw.startswith(PNG_SIGNATURE) or raw[12:16] != b"IHDR" or len(raw) < 33:
        return ""
    width, height = struct.unpack(">II", raw[16:24])
    return base64.b64encode(raw).decode() if 0 < width * height <= PIXELS else ""


def _size(output: NotebookNode) -> int:
    if "data" in output:
        return sum(map(len, output.data.values()))
    if output.output_type == "error":
        return len(output.evalue) + sum(map(len, output.traceback))
    return len(output.text)

"""What is kept of a cell's outputs: a stranger sent them, and a browser will show them."""

import base64
import json
import math
import struct
import zlib

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.outputs import ITEMS, PIXELS, PNG_SIGNATURE, kept_outputs

LIMIT = 100_000


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width=3, height=2, more=b""):
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (min(width, 50) + 1) * min(height, 50))
    return PNG_SIGNATURE + chunk(b"IHDR", header) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def text64(raw):
    return base64.b64encode(raw).decode()


def shown(data, kind="display_data"):
    return {"output_type": kind, "data": data}


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def is_sound(outputs):
    """Whether nbformat, a file and a browser can take them."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=outputs)])
    nbformat.validate(nb)
    nbformat.writes(nb).encode("utf-8")
    kinds = {kind for output in outputs for kind in output.get("data", {})}
    return kinds <= {"text/plain", "image/png"}


def test_text_pictures_and_errors_are_kept_in_order():
    sent = [
        stream("a\n"),
        stream("b\n", "stderr"),
        shown({"text/plain": "<Figure>", "image/png": text64(png())}),
        shown({"text/plain": "42"}, "execute_result"),
        {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["one", "two"]},
    ]
    outputs = kept_outputs(sent, LIMIT)
    assert [output.output_type for output in outputs] == [item["output_type"] for item in sent]
    assert outputs[0] == {"output_type": "stream", "name": "stdout", "text": "a\n"}
    assert outputs[1].name == "stderr"
    assert base64.b64decode(outputs[2].data["image/png"]) == png()
    assert outputs[3].data == {"text/plain": "42"}
    assert outputs[4].traceback == ["one", "two"]
    assert is_sound(outputs)


@pytest.mark.parametrize("sent", [None, 1, "text", b"bytes", {}, {"output_type": "stream"}, (stream("a"),), math.nan])
def test_what_is_no_list_is_nothing(sent):
    assert kept_outputs(sent, LIMIT) == []


@pytest.mark.parametrize(
    "item",
    [
        None,
        1,
        "text",
        [],
        ["stream", "stdout", "text"],
        {},
        {"output_type": "stream"},
        {"output_type": "stream", "name": "stdout"},
        {"output_type": "stream", "name": "stdout", "text": ["a"]},
        {"output_type": "stream", "name": "stdout", "text": b"a"},
        {"output_type": "stream", "name": "stdin", "text": "a"},
        {"output_type": "stream", "name": ["stdout"], "text": "a"},
        {"output_type": "error", "ename": "E", "evalue": "v"},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": "one"},
        {"output_type": "error", "ename": None, "evalue": "v", "traceback": []},
        {"output_type": "error", "ename": "E", "evalue": 1, "traceback": []},
        {"output_type": "display_data"},
        {"output_type": "display_data", "data": []},
        {"output_type": "display_data", "data": {}},
        {"output_type": "display_data", "data": {"text/plain": ["a"]}},
        {"output_type": "display_data", "data": {"text/plain": b"a"}},
        {"output_type": "update_display_data", "data": {"text/plain": "a"}},
        {"output_type": "pyout", "data": {"text/plain": "a"}},
        {"output_type": ["display_data"], "data": {"text/plain": "a"}},
        {"output_type": None, "data": {"text/plain": "a"}},
    ],
    ids=str,
)
def test_an_item_of_a_wrong_form_is_dropped_and_the_others_stay(item):
    outputs = kept_outputs([item, stream("after")], LIMIT)
    assert [output.text for output in outputs] == ["after"]


@pytest.mark.parametrize(
    "kind",
    [
        "text/html", "image/svg+xml", "application/javascript", "text/markdown", "text/latex", "image/jpeg",
        "application/vnd.jupyter.widget-view+json", "application/pdf", "TEXT/PLAIN", "text/plain ", "image/png ",
    ],
)  # fmt: skip
def test_what_a_browser_could_run_is_dropped(kind):
    assert kept_outputs([shown({kind: "<script>alert(1)</script>"})], LIMIT) == []
    (output,) = kept_outputs([shown({kind: "<script>alert(1)</script>", "text/plain": "a"})], LIMIT)
    assert output.data == {"text/plain": "a"}


def test_nothing_but_the_fields_of_an_output_is_kept():
    extra = {"metadata": {"x": "<script>"}, "transient": {"y": 1}, "execution_count": 99}
    (one, two) = kept_outputs([shown({"text/plain": "a"}) | extra, stream("b") | extra], LIMIT)
    assert "<script>" not in json.dumps([one, two])
    assert "execution_count" not in one
    assert is_sound([one, two])


@pytest.mark.parametrize(
    "form", [text64, lambda raw: raw, lambda raw: text64(raw)[:8] + "\n \t" + text64(raw)[8:] + "\n"]
)
def test_a_picture_is_kept_as_text_or_bytes_and_written_anew(form):
    (output,) = kept_outputs([shown({"image/png": form(png())})], LIMIT)
    assert output.data == {"image/png": text64(png())}


@pytest.mark.parametrize(
    "picture",
    [
        "",
        "not base64!",
        text64(b"GIF89a" + b"\0" * 60),
        text64(b"<svg onload=alert(1)>" + b" " * 60),
        text64(b"\xff\xd8\xff\xe0" + b"\0" * 60),
        text64(PNG_SIGNATURE),
        text64(png()[:32]),
        text64(b"<script>" + png()),
        text64(PNG_SIGNATURE + chunk(b"IDAT", b"x" * 30)),
        text64(png()) + "<script>",
        "\"><script>" + text64(png()),
        text64(png())[:-3] + "é==",
        text64(png())[:-1] + "=====",
        text64(png()) + "\0",
        text64(png(0, 5)),
        text64(png(5, 0)),
        text64(png(60_000, 60_000)),
        text64(png(2**31, 1)),
        text64(png(2**32 - 1, 2**32 - 1)),
        png(PIXELS + 1, 1),
        [text64(png())],
        {"a": 1},
        12,
        None,
        bytearray(png()),
        text64(png()) + "\ud800",
    ],
    ids=range(26),
)  # fmt: skip
def test_what_is_no_picture_a_browser_can_show_is_dropped(picture):
    assert kept_outputs([shown({"image/png": picture})], LIMIT) == []
    (output,) = kept_outputs([shown({"image/png": picture, "text/plain": "a"})], LIMIT)
    assert output.data == {"text/plain": "a"}


def test_the_largest_picture_is_kept():
    (output,) = kept_outputs([shown({"image/png": png(4000, PIXELS // 4000)})], LIMIT)
    assert set(output.data) == {"image/png"}


@pytest.mark.parametrize(
    "sent",
    [
        [stream("x" * (2 * LIMIT))],
        [stream("x" * 1000)] * 400,
        [shown({"text/plain": "x" * 1000})] * 400,
        [shown({"image/png": png(more=chunk(b"tEXt", b"x" * 60_000))})] * 9,
        [{"output_type": "error", "ename": "E", "evalue": "", "traceback": ["x" * 10_000] * 400}],
        [{"output_type": "error", "ename": "E", "evalue": "x" * 2 * LIMIT, "traceback": []}],
        [{"output_type": "error", "ename": "E" * 2 * LIMIT, "evalue": "", "traceback": []}] * 450,
    ],
    ids=["one text", "texts", "values", "pictures", "traceback", "error", "names"],
)
def test_all_together_is_held_to_the_limit_and_says_so(sent):
    outputs = kept_outputs(sent, LIMIT)
    assert len(json.dumps(outputs)) < 2 * LIMIT
    assert is_sound(outputs)
    if "names" not in str(len(sent)) and sent[0].get("ename", "E") == "E":
        assert outputs[-1].text == "[more outputs were cut off]\n"


@pytest.mark.parametrize("count", [ITEMS, ITEMS + 1, 20 * ITEMS])
def test_too_many_items_are_cut_off(count):
    outputs = kept_outputs([stream("a")] * count, 10 * LIMIT)
    assert len(outputs) <= ITEMS + 1
    assert is_sound(outputs)


def test_items_that_are_cut_off_are_not_cut_off_in_silence():
    outputs = kept_outputs([stream("a")] * (ITEMS + 1), 10 * LIMIT)
    assert "cut off" in outputs[-1].text


def test_a_traceback_of_nothings_is_held_to_the_limit_too():
    sent = [{"output_type": "error", "ename": "E", "evalue": "", "traceback": [""] * 190_000}]
    assert len(json.dumps(kept_outputs(sent, LIMIT))) < 2 * LIMIT


@pytest.mark.parametrize(
    "item",
    [
        stream("a\ud800b"),
        shown({"text/plain": "\udfff"}),
        {"output_type": "error", "ename": "\ud800", "evalue": "\ud800", "traceback": ["\ud800", 1, None]},
    ],
    ids=["stream", "value", "error"],
)
def test_halves_of_surrogate_pairs_do_not_reach_the_notebooks_file(item):
    assert is_sound(kept_outputs([item, stream("after")], LIMIT))


@pytest.mark.parametrize("item", [stream("\x1b]0;title\x07\x00\x08"), shown({"text/plain": "\x00\u202e"})])
def test_control_characters_make_no_notebook_that_cannot_be_written(item):
    assert is_sound(kept_outputs([item], LIMIT))


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.binary(max_size=40),
        st.sampled_from(["stream", "error", "display_data", "execute_result", "stdout", "stderr"]),
        st.sampled_from([png(), text64(png())]),
    ),
    lambda parts: st.one_of(
        st.lists(parts, max_size=4),
        st.dictionaries(
            st.sampled_from(
                ["output_type", "name", "text", "data", "ename", "evalue", "traceback", "text/plain", "image/png"]
            ),
            parts,
            max_size=6,
        ),
    ),
    max_leaves=20,
)
forms = st.one_of(
    anything,
    st.lists(
        st.fixed_dictionaries(
            {"output_type": st.sampled_from(["stream", "error", "display_data", "execute_result"])},
            optional={
                "name": st.sampled_from(["stdout", "stderr", 1]),
                "text": anything,
                "data": anything,
                "ename": st.text(max_size=3),
                "evalue": st.text(max_size=3),
                "traceback": anything,
            },
        ),
        max_size=5,
    ),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(forms)
def test_whatever_is_sent_becomes_a_sound_notebook(sent):
    assert is_sound(kept_outputs(sent, 1000))

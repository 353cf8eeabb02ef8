"""Fuzz wire.decode, guided by coverage: `python tests/fuzz_wire.py [seconds] [corpus folder]`. It needs atheris.

What is held: any bytes at all come to a value or to MessageError, and a value survives being sent on.
"""

import atexit
import sys
import tempfile
from pathlib import Path

import atheris
import msgpack
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

with atheris.instrument_imports(include=["autograder.sandbox.wire"]):
    from autograder.sandbox import wire

BODY_BYTES = 1 << 16  # a real channel refuses what is larger than its limit before it decodes
came = {"values": 0, "refused": 0}


def announced(header: bytes) -> int:
    """Return how large a body the header asks for, if it can be told, so that valid headers get beyond that check."""
    try:
        tree = msgpack.unpackb(header, strict_map_key=True, max_map_len=0, max_ext_len=0)
        unpacking = wire.Unpacking(BODY_BYTES, lambda reference: reference)
        unpacking.value(tree, 0)
        return BODY_BYTES - unpacking.left
    except Exception:
        return 0


def pieces(value: object, body: list[bytes]) -> object:
    """Return something that compares bit by bit, NaN included."""
    header, buffers = wire.encode(value)
    return header, [bytes(part) for part in buffers] + body


def check(data: bytes) -> None:
    """Hold the property for one input: its first byte fills the arrays, the rest is the header."""
    fill, header = data[:1] or b"\0", data[1:]
    asked: list[tuple[int, ...]] = []
    try:
        value, arrays = wire.decode(header, announced(header), lambda reference: reference)
    except wire.MessageError:
        came["refused"] += 1
        return
    came["values"] += 1
    asked = [array.shape for array in arrays]
    assert sum(array.nbytes for array in arrays) <= BODY_BYTES, asked
    for array in arrays:
        array.view(np.uint8 if array.ndim else array.dtype)[...] = fill[0] % 2
    try:
        first, buffers = wire.encode(value)
    except wire.MessageError as error:
        raise AssertionError(f"what came in cannot go out: {error}") from error
    body = b"".join(buffers)
    again, targets = wire.decode(first, len(body), lambda reference: reference)
    for array in targets:
        size = array.nbytes
        array.reshape(-1).view(np.uint8)[:] = np.frombuffer(body[:size], np.uint8)
        body = body[size:]
    assert pieces(again, []) == pieces(value, []), "a value changes on its way"


def seeds(folder: Path) -> None:
    """Write one valid message of every kind, to begin with."""
    rng = np.random.default_rng(1)
    values = [
        None,
        True,
        -(2**63),
        1.5,
        "text",
        b"bytes",
        1j,
        np.float32(2),
        np.bool_(True),
        rng,
        [1, [2, (3, {"a": 4})]],
        {"x": np.arange(6.0).reshape(2, 3), "y": np.array(3, "i4"), "z": np.zeros((0, 3), "c16")},
        wire.Reference(7, "a cache"),
        ("gave", [np.ones(3), wire.Reference(-1)], ["overflow"], [(0, 1, np.ones(2))]),
    ]
    for number, value in enumerate(values):
        (folder / f"seed{number}").write_bytes(b"\0" + wire.encode(value)[0])


def main() -> None:
    """Fuzz for as many seconds as the command line says, 60 if it does not."""
    seconds = sys.argv[1] if len(sys.argv) > 1 else "60"
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="fuzz-wire-"))
    folder.mkdir(parents=True, exist_ok=True)
    seeds(folder)
    atexit.register(lambda: print(came, file=sys.stderr))
    options = [f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=4096", "-seed=1"]
    crashes = f"-artifact_prefix={folder}/"
    atheris.Setup([sys.argv[0], *options, "-print_final_stats=1", "-verbosity=1", crashes, str(folder)], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()

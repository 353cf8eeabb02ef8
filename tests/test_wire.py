"""Array messages: what crosses arrives bit for bit, and whatever else arrives is one kind of error."""

import importlib.util
import math
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from enum import IntEnum
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.sandbox import wire
from autograder.sandbox.wire import (
    ARRAY,
    COMPLEX,
    DEPTH,
    DICT,
    DIMENSIONS,
    GENERATOR,
    HEADER_BYTES,
    ITEMS,
    LIST,
    PREFIX,
    REFERENCE,
    REFERENCES,
    SCALAR,
    TUPLE,
    Bits,
    Channel,
    DeadlineError,
    MessageError,
    PeerGoneError,
    Reference,
    _rest,
    decode,
    encode,
)

CODES = ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
QUICK = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
MANY = settings(max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def crossed(value, refer=None, resolve=None):
    """Send a value through the two functions, as a channel does."""
    header, buffers = encode(value, refer)
    body = b"".join(buffers)
    came, arrays = decode(header, len(body), resolve)
    for array in arrays:
        array.reshape(-1).view(np.uint8)[:] = np.frombuffer(body[: array.nbytes], np.uint8)
        body = body[array.nbytes :]
    assert not body
    return came


def same(a, b):
    """Compare type, structure and every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.shape != b.shape or a.dtype.newbyteorder("=") != b.dtype.newbyteorder("="):
            return False
        return a.astype(a.dtype.newbyteorder("=")).tobytes() == b.astype(b.dtype.newbyteorder("=")).tobytes()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    return a == b


dtypes = st.builds(
    lambda code, order: np.dtype(code).newbyteorder(order), st.sampled_from(CODES), st.sampled_from("<>")
)
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
scalars = st.sampled_from(CODES).flatmap(lambda code: hnp.from_dtype(np.dtype(code)))
floats = st.floats(allow_nan=True, allow_infinity=True)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    floats,
    st.complex_numbers(),
    st.text(),
    st.binary(),
    scalars,
    arrays,
)
plain = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, max_size=4),
        st.lists(parts, max_size=4).map(tuple),
        st.dictionaries(st.text(max_size=5), parts, max_size=4),
    ),
    max_leaves=12,
)


# What crosses


@QUICK
@given(plain)
def test_every_plain_value_arrives_bit_for_bit_and_with_its_type(value):
    assert same(crossed(value), value)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(
    "make",
    [
        lambda a: a,
        lambda a: a[::2, ::-1],
        lambda a: a.T,
        np.asfortranarray,
        lambda a: a[1, 1:2].reshape(()),
        lambda a: a[:0],
        lambda a: a[1:, 0],
        lambda a: np.broadcast_to(a[:1], (5, 6)),
        lambda a: a.astype(a.dtype.newbyteorder(">")),
        lambda a: a.astype(a.dtype.newbyteorder(">"))[::-2].T,
    ],
    ids=["plain", "strides", "transposed", "fortran", "0-d", "empty", "column", "broadcast", "big-endian", "all"],
)
def test_arrays_of_every_dtype_and_layout_arrive_as_native_arrays_of_their_own(code, make):
    base = (np.random.default_rng(3).normal(size=(5, 6)) * 20 + 40).astype(code)
    array = make(base)
    came = crossed(array)
    assert type(came) is np.ndarray
    assert came.shape == array.shape
    assert came.dtype == np.dtype(code)
    assert came.dtype.isnative
    assert came.flags.writeable
    assert came.flags.c_contiguous
    assert not np.shares_memory(came, base)
    np.testing.assert_array_equal(came, array)


@pytest.mark.parametrize("value", [math.nan, -math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_special_numbers_keep_every_bit(value):
    for kind in (float, np.float64, lambda v: complex(0, v), lambda v: np.full((2, 2), v)):
        assert same(crossed(kind(value)), kind(value))


def test_a_generator_arrives_with_the_same_draws_to_come():
    rng = np.random.default_rng(5)
    rng.integers(10, dtype=np.uint32)  # leaves half a word behind, which is state too
    came = crossed([rng])[0]
    want = np.random.default_rng(5)
    want.integers(10, dtype=np.uint32)
    assert [came.integers(9, dtype=np.uint32) for _ in range(5)] == [
        want.integers(9, dtype=np.uint32) for _ in range(5)
    ]
    assert (came.normal(size=7) == want.normal(size=7)).all()
    assert (rng.integers(9, size=3, dtype=np.uint32) == crossed(rng).integers(9, size=3, dtype=np.uint32)).sum() < 3


@pytest.mark.parametrize("seed", range(5))
def test_sending_a_generator_does_not_change_it(seed):
    rng, twin = np.random.default_rng(seed), np.random.default_rng(seed)
    encode(rng)
    assert (rng.random(5) == twin.random(5)).all()


def test_references_go_both_ways_and_keep_their_number_and_what_they_are():
    kept = {}

    def refer(value):
        kept[len(kept) + 1] = value
        return Reference(len(kept), f"a {type(value).__name__}")

    one, two = object(), {1, 2}
    came = crossed([one, (two, Reference(-4, "a function"))], refer, lambda reference: reference)
    assert came == [Reference(1, "a object"), (Reference(2, "a set"), Reference(-4, "a function"))]
    assert kept == {1: one, 2: two}
    home = crossed(came, None, lambda reference: kept.get(reference.number, reference.number))
    assert home == [one, (two, -4)]


# What does not


class Array(np.ndarray):
    pass


class Float(float):
    pass


class Int(int):
    pass


class Str(str):
    pass


class Bytes(bytes):
    pass


class List(list):
    pass


class Tuple(tuple):
    __slots__ = ()


class Dict(dict):
    pass


class Complex(complex):
    pass


class Double(np.float64):
    pass


class Colour(IntEnum):
    RED = 1


class Generator(np.random.Generator):
    pass


STRANGE = [
    np.zeros(3).view(Array),
    np.ma.masked_array([1.0, 2.0]),
    np.zeros(2, [("a", "f8")]).view(np.recarray),
    Float(1),
    Int(1),
    Str("a"),
    Bytes(b"a"),
    List([1]),
    Tuple((1,)),
    Dict(a=1),
    Complex(1j),
    Double(1),
    Colour.RED,
    Generator(np.random.PCG64(1)),
    np.random.Generator(np.random.MT19937(1)),
    np.random.default_rng(1).bit_generator,
    np.array([None], object),
    np.array(["a"]),
    np.array([b"a"]),
    np.zeros(2, "M8[s]"),
    np.zeros(2, "m8[s]"),
    np.zeros(2, [("a", "f8")]),
    np.zeros(2, np.longdouble),
    np.longdouble(1),
    np.str_("a"),
    np.bytes_(b"a"),
    np.datetime64(0, "s"),
    np.void(b"a"),
    {1: 2},
    {"a": 1, Str("b"): 2},
    {1, 2},
    frozenset(),
    bytearray(b"a"),
    memoryview(b"a"),
    range(3),
    len,
    int,
    ...,
    NotImplemented,
    2**64,
    -(2**63) - 1,
    10**5000,
    slice(1),
    iter([]),
]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: type(value).__name__)
def test_what_is_no_plain_value_of_an_exact_type_crosses_as_a_reference_or_not_at_all(value):
    asked = []

    def refer(stranger):
        asked.append(stranger)
        return Reference(1, "a stranger")

    came = crossed([value], refer, lambda reference: reference)
    assert came == [Reference(1, "a stranger")]
    assert len(asked) == 1
    assert asked[0] is value
    with pytest.raises(MessageError):
        encode([value])


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_text_that_no_utf8_can_hold_is_refused(text):
    for value in (text, {text: 1}, [text], Reference(1, text)):
        with pytest.raises(MessageError, match="cannot be sent: UnicodeEncodeError"):
            encode(value)


def nested(depth, inner=()):
    value = list(inner)
    for _ in range(depth - 1):
        value = [value]
    return value


def test_lists_within_lists_cross_up_to_the_limit_and_no_deeper():
    assert crossed(nested(DEPTH)) == nested(DEPTH)
    assert crossed(nested(DEPTH, [np.ones(2)]))
    with pytest.raises(MessageError):
        encode(nested(DEPTH + 1))
    endless = []
    endless.append(endless)
    with pytest.raises(MessageError):
        encode(endless)


@pytest.mark.parametrize("tag", [LIST, TUPLE, DICT])
def test_a_hostile_header_may_not_nest_deeper_than_an_honest_one(tag):
    node = [tag]
    for _ in range(DEPTH):
        node = [tag, "key", node] if tag == DICT else [tag, node]
    with pytest.raises(MessageError):
        decode(msgpack.packb(node), 0)


@pytest.mark.parametrize("depth", [300, 600, 100_000])
def test_nesting_without_end_is_refused_without_recursion(depth):
    with pytest.raises(MessageError):
        decode(b"\x92\x00" * depth + b"\xc0", 0)
    with pytest.raises(MessageError):
        decode(b"\x91" * depth + b"\xc0", 0)


@pytest.mark.parametrize(
    "value",
    [
        [0] * (ITEMS - 1),
        [np.float64(1)] * (ITEMS - 1),
        [np.ones(1)] * (ITEMS - 1),
        [1j] * (ITEMS - 1),
        [[]] * (ITEMS // 2 - 1),
        [Reference(1)] * REFERENCES,
        {str(k): 1.0 for k in range(ITEMS // 2 - 1)},
    ],
    ids=["int", "float64", "array", "complex", "list", "reference", "dict"],
)
def test_as_many_items_as_may_be_sent_may_be_received(value):
    came = crossed(value, None, lambda reference: reference)
    assert type(came) is type(value)
    assert len(came) == len(value)


@pytest.mark.parametrize("value", [[0] * ITEMS, {str(k): 1 for k in range(ITEMS // 2)}, [[0] * 1000] * 200])
def test_too_many_items_are_refused(value):
    with pytest.raises(MessageError, match="put numbers into an array"):
        encode(value)


def test_generators_that_differ_spawn_generators_that_differ():
    draws = {crossed(np.random.default_rng(seed)).spawn(1)[0].random() for seed in (1, 1, 2, 3)}
    assert len(draws) == 3


def test_too_many_references_are_refused_both_ways():
    with pytest.raises(MessageError, match="more than 1000 objects"):
        encode([Reference(1)] * (REFERENCES + 1))
    header = msgpack.packb([0, *[[7, 1, "x"]] * (REFERENCES + 1)])
    with pytest.raises(MessageError, match="more than 1000 references"):
        decode(header, 0, lambda reference: reference)


@pytest.mark.parametrize("dimensions", [DIMENSIONS + 1, 64])
def test_arrays_of_too_many_dimensions_are_refused_both_ways(dimensions):
    assert crossed(np.zeros((1,) * DIMENSIONS)).shape == (1,) * DIMENSIONS
    with pytest.raises(MessageError):
        encode(np.zeros((1,) * dimensions))
    with pytest.raises(MessageError):
        decode(msgpack.packb([ARRAY, "<f8", [1] * dimensions]), 8)


# Hostile headers


def outcome(header, body_bytes, resolve=lambda reference: reference):
    """Decode, and return what came; anything but a value or a MessageError gets through and fails the test."""
    try:
        return decode(header, body_bytes, resolve)[0]
    except MessageError:
        return MessageError


tags = st.integers(-1, 9)
wild = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        tags,
        floats,
        st.text(max_size=8),
        st.binary(max_size=17),
        st.sampled_from(sorted(wire.DTYPES)),
        st.lists(st.integers(-1, 2**41), max_size=4),
    ),
    lambda parts: st.one_of(
        st.lists(parts, max_size=5),
        st.tuples(tags, parts).map(list),
        st.tuples(tags, parts, parts).map(list),
        st.tuples(st.just(GENERATOR), parts, parts, parts, parts).map(list),
        st.dictionaries(st.text(max_size=2), parts, max_size=2),
    ),
    max_leaves=15,
)


@MANY
@given(st.binary(max_size=60), st.integers(0, 64))
@example(b"", 0)
@example(b"\xc1", 0)
@example(b"\xd4\x00\x00", 0)
@example(b"\xdf\xff\xff\xff\xff", 0)
@example(b"\xdd\xff\xff\xff\xff", 0)
@example(b"\xc6\xff\xff\xff\xff", 0)
def test_any_bytes_are_a_value_or_a_message_error(header, body_bytes):
    outcome(header, body_bytes)


@MANY
@given(wild, st.sampled_from([0, 8, 48]))
@example([SCALAR, "<f8", 3], 0)
@example([SCALAR, ["<f8"], b"12345678"], 0)
@example([SCALAR, "|O", b"12345678"], 0)
@example([ARRAY, "|O", [1]], 8)
@example([ARRAY, "<f8", [True]], 8)
@example([ARRAY, "<f8", [-1]], 8)
@example([ARRAY, "<f8", [0, 2**39, 2**39, 2**39]], 0)
@example([GENERATOR, b"\xff" * 16, b"\0" * 16, 0, 2**64 - 1], 0)
@example([GENERATOR, b"\xff" * 16, b"\0" * 16, True, -1], 0)
@example([GENERATOR, b"\xff" * 16, b"\0" * 16, 0.0, 0], 0)
@example([REFERENCE, True, ""], 0)
@example([REFERENCE, 1, 1], 0)
@example([REFERENCE, 2**64 - 1, ""], 0)
@example([DICT, "a"], 0)
@example([DICT, 1, 1], 0)
@example([DICT, [LIST], 1], 0)
@example([COMPLEX, 1, 1], 0)
@example([[LIST]], 0)
@example([True], 0)
@example([], 0)
def test_any_msgpack_tree_is_a_value_or_a_message_error(tree, body_bytes):
    outcome(msgpack.packb(tree), body_bytes)


@MANY
@given(plain, st.integers(0, 2**32))
def test_a_mutated_header_is_a_value_or_a_message_error(value, seed):
    draw = random.Random(seed)
    header, buffers = encode(value)
    data = bytearray(header)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(data) + 1)
        kind = draw.randrange(4)
        if kind == 0:
            data[place : place + draw.randint(0, 4)] = b""
        elif kind == 1:
            data[place:place] = draw.randbytes(draw.randint(1, 4))
        elif kind == 2 and place < len(data):
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 3 and place < len(data):
            data[place] = draw.choice([0x90, 0x93, 0xDD, 0xC0, 0x00, 0x03, 0xFF, 0x7F, 0xCF])
    outcome(bytes(data), sum(part.nbytes for part in buffers))


@pytest.mark.parametrize(
    "tree",
    [
        [GENERATOR, b"\0" * 15, b"\0" * 16, 0, 0],
        [GENERATOR, b"\0" * 16, b"\0" * 16, 2, 0],
        [SCALAR, "<f8", b"1234567"],
        [COMPLEX, 1.0, "1"],
        [REFERENCE, "1", "a cache"],
        [REFERENCE, 1],
        [DICT, b"a", 1],
        [99, 1],
        [-1],
        ["list", 1],
        {"a": 1},
        [LIST, {"a": 1}],
        [ARRAY, "<f8", [2], 1],
        [ARRAY, ">f8", [2]],
        [ARRAY, "<f8", 2],
        [ARRAY, "<f8", [2.0, 1]],
    ],
    ids=str,
)
def test_a_header_that_breaks_one_rule_is_refused(tree):
    for body_bytes in (0, 16):
        assert outcome(msgpack.packb(tree), body_bytes) is MessageError


def test_a_reference_where_none_is_expected_is_refused():
    with pytest.raises(MessageError, match="unknown tag"):
        decode(encode(Reference(1))[0], 0)


@pytest.mark.parametrize(
    ("shapes", "body_bytes"),
    [
        ([[2**37]], 2**37),
        ([[2**39, 2**18]], 0),
        ([[2**39, 2**18]], 8),
        ([[2**39] * 31], 64),
        ([[2**40]], 2**43),
        ([[4], [5]], 64),
        ([[4]], 40),
        ([[4]], 24),
        ([[1 << 27]], 8),
        ([], 8),
    ],
)
def test_arrays_that_are_not_those_of_the_body_are_refused_before_more_than_that_is_allocated(
    shapes, body_bytes, monkeypatch
):
    header = msgpack.packb([LIST, *([ARRAY, "<f8", shape] for shape in shapes)])
    allocated = []

    def empty(shape, dtype):
        allocated.append(math.prod(shape) * dtype.itemsize)
        assert sum(allocated) <= body_bytes
        return np.zeros(1)

    monkeypatch.setattr(wire.np, "empty", empty)
    tracemalloc.start()
    try:
        with pytest.raises(MessageError):
            decode(header, body_bytes)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_more_than_there_is_memory_for_is_a_message_error():
    with pytest.raises(MessageError):
        decode(msgpack.packb([ARRAY, "<f8", [2**39, 2**18]]), 2**60)


@pytest.mark.parametrize("filler", [b"\x90", b"\xc0", b"\x80", b"\xa0"], ids=["lists", "nil", "maps", "text"])
def test_a_hostile_header_takes_no_more_than_a_hundred_times_its_own_size(filler):
    count = 5 * ITEMS
    header = b"\xdd" + struct.pack(">I", count + 1) + b"\x00" + filler * count
    tracemalloc.start()
    try:
        with pytest.raises(MessageError):
            decode(header, 0)
        assert tracemalloc.get_traced_memory()[1] < 100 * len(header)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("strange", [b"\xc7\x00\x05", b"\xc7\x00\xff", b"\xd4\x05\x00", b"\xd6\xff\x00\x00\x00\x00"])
def test_msgpacks_own_extra_types_are_refused(strange):
    for header in (strange, b"\x92\x00" + strange, b"\x93\x02\xa1a" + strange):
        with pytest.raises(MessageError):
            decode(header, 0)


# Channels


@pytest.fixture
def ends():
    """A channel, and the bare socket at its other end."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours, 1 << 20)
    yield channel, theirs
    channel.close()
    theirs.close()


@pytest.fixture
def pair():
    """Two channels that talk with each other."""
    ours, theirs = (Channel(end, 256 << 20) for end in socket.socketpair())
    yield ours, theirs
    ours.close()
    theirs.close()


def soon(seconds=0.3):
    return time.monotonic() + seconds


def frame(value):
    header, buffers = encode(value)
    body = b"".join(buffers)
    return PREFIX.pack(len(header), len(body)) + header + body


@QUICK
@given(st.lists(plain, min_size=1, max_size=4))
def test_messages_cross_one_after_the_other(values):
    ours, theirs = (Channel(end, 1 << 20) for end in socket.socketpair())
    try:
        for value in values:
            ours.send(*encode(value), soon(30))
        assert all(same(theirs.receive(soon(30)), value) for value in values)
    finally:
        ours.close()
        theirs.close()


@pytest.mark.parametrize("shape", [(3, 3), (300, 300), (3000, 3000)])
def test_large_arrays_cross_both_ways_at_once_with_a_listening_peer(pair, shape):
    ours, theirs = pair
    array = np.random.default_rng(1).normal(size=shape)

    def echo():
        for _ in range(2):
            theirs.send(*encode(theirs.receive(soon(60))), soon(60))

    thread = threading.Thread(target=echo)
    thread.start()
    try:
        for value in ({"a": array, "b": (array.T, 1)}, array[::2]):
            ours.send(*encode(value), soon(60))
            assert same(ours.receive(soon(60)), value)
    finally:
        thread.join()


def test_hundreds_of_arrays_in_one_message_arrive(pair):
    ours, theirs = pair
    value = [np.full(k % 5, k) for k in range(2000)]
    sending = threading.Thread(target=lambda: ours.send(*encode(value), soon(60)))
    sending.start()
    assert same(theirs.receive(soon(60)), value)
    sending.join()


@pytest.mark.parametrize("cut", [0, 1, PREFIX.size - 1, PREFIX.size, PREFIX.size + 2, -1])
def test_half_a_message_ends_at_the_deadline(ends, cut):
    channel, peer = ends
    data = frame(np.arange(20.0))
    peer.sendall(data[: cut if cut >= 0 else len(data) + cut])
    with pytest.raises(DeadlineError):
        channel.receive(soon())


def test_a_peer_that_sends_a_byte_now_and_then_is_held_to_the_deadline(ends):
    channel, peer = ends
    stop = threading.Event()

    def trickle():
        for byte in PREFIX.pack(1 << 20, 0) + b"\x90" * (1 << 20):
            if stop.wait(0.01):
                return
            peer.sendall(bytes([byte]))

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with pytest.raises(DeadlineError):
            channel.receive(soon())
    finally:
        stop.set()
        thread.join()


def test_a_peer_that_never_stops_sending_is_held_to_the_deadline():
    ours, peer = socket.socketpair()
    channel, stop = Channel(ours, 1 << 40), threading.Event()

    def flood():
        peer.settimeout(0.1)
        while not stop.is_set():
            try:
                peer.send(b"\0")
            except TimeoutError:
                continue

    thread = threading.Thread(target=flood)
    peer.sendall(PREFIX.pack(HEADER_BYTES, 0))
    thread.start()
    try:
        with pytest.raises(DeadlineError):
            channel.receive(soon())
    finally:
        stop.set()
        thread.join()
        channel.close()
        peer.close()


@pytest.mark.parametrize("cut", [0, 5, PREFIX.size, -1])
def test_a_peer_that_is_gone_is_noticed_wherever_it_stopped(ends, cut):
    channel, peer = ends
    data = frame(np.arange(20.0))
    peer.sendall(data[: cut if cut >= 0 else len(data) + cut])
    peer.close()
    with pytest.raises(PeerGoneError):
        channel.receive(soon(30))


def test_sending_to_a_peer_that_is_gone_is_noticed(ends):
    channel, peer = ends
    peer.close()
    with pytest.raises(PeerGoneError):
        channel.send(*encode(1), soon(30))


def test_a_channel_that_was_closed_here_is_a_peer_that_is_gone(ends):
    channel, _ = ends
    channel.close()
    for attempt in (lambda: channel.send(*encode(1), soon()), lambda: channel.receive(soon())):
        with pytest.raises(PeerGoneError):
            attempt()


@pytest.mark.parametrize(
    "sizes", [(HEADER_BYTES + 1, 0), (2**32 - 1, 0), (1, (1 << 20) + 1), (1, 2**60), (1, 2**64 - 1)]
)
def test_an_announced_size_that_is_too_large_is_refused_without_reading_on(ends, sizes):
    channel, peer = ends
    peer.sendall(PREFIX.pack(*sizes))  # and nothing after it: who waits for more runs into the deadline
    tracemalloc.start()
    try:
        with pytest.raises(MessageError, match="too large"):
            channel.receive(soon())
        assert tracemalloc.get_traced_memory()[1] < 1 << 18
    finally:
        tracemalloc.stop()


def test_a_header_that_announces_more_than_the_body_is_refused(ends):
    channel, peer = ends
    header = msgpack.packb([ARRAY, "<f8", [2**39, 2**18]])
    peer.sendall(PREFIX.pack(len(header), 16) + header + b"\0" * 16)
    with pytest.raises(MessageError, match="not those of the body"):
        channel.receive(soon(30))


@pytest.mark.parametrize("size", [(1 << 20) + 8, 1 << 22])
def test_what_is_too_large_is_not_sent_at_all(ends, size):
    channel, peer = ends
    with pytest.raises(MessageError, match="more than a message may hold"):
        channel.send(*encode(np.zeros(size // 8)), soon())
    with pytest.raises(MessageError, match="more than a message may hold"):
        channel.send(*encode("x" * (HEADER_BYTES + 1)), soon())
    peer.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.recv(1)


def test_a_peer_that_does_not_listen_is_held_to_the_deadline(ends):
    channel, _ = ends
    channel.message_bytes = 32 << 20
    with pytest.raises(DeadlineError):
        channel.send(*encode([np.zeros(1 << 14)] * 128), soon())


def test_a_deadline_in_the_past_still_sends_what_fits_and_waits_for_nothing(ends):
    channel, peer = ends
    channel.send(*encode("hello"), soon(-1))
    assert peer.recv(100) == frame("hello")
    with pytest.raises(DeadlineError):
        channel.receive(soon(-1))


# The fuzzer


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris, the fuzzer, is not installed")
def test_fuzzing_for_a_few_seconds_finds_nothing(tmp_path):
    program = Path(__file__).with_name("fuzz_wire.py")
    ran = subprocess.run(
        [sys.executable, str(program), "4", str(tmp_path / "corpus")], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr[-3000:]


@pytest.mark.parametrize("size", [4, 100_000], ids=["small", "large"])
@pytest.mark.parametrize("layout", [lambda x: x, lambda x: x[::2], lambda x: x.reshape(2, -1).T])
def test_a_change_of_an_array_is_seen_once_and_nan_is_none(size, layout):
    array = layout(np.linspace(-1, 1, size))
    array.flat[0] = np.nan
    held = Bits(array)
    assert not held.update(array)
    array.flat[1] = -0.0
    assert held.update(array)
    assert not held.update(array)
    array.flat[1] = 0.0  # equal, but not the same
    assert held.update(array)
    assert not held.update(array.astype("f4"))
    assert not held.update(array[:1])


@pytest.mark.parametrize(
    ("sent", "left"),
    [(0, [b"ab", b"", b"cde"]), (1, [b"b", b"", b"cde"]), (2, [b"cde"]), (4, [b"e"]), (5, [])],
)
def test_what_is_left_of_a_message_is_sent_next(sent, left):
    assert [bytes(part) for part in _rest([b"ab", b"", memoryview(b"cde")], sent)] == left

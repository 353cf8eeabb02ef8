"""Array messages: a msgpack header and the raw bytes of its arrays, never pickle.

A frame is `header size (u32) | body size (u64) | header | body`, little-endian. The header holds one value: None,
bool, int, float, str and bytes as themselves, all else as a list that begins with a tag. The body is the arrays'
bytes, one after the other. What is no plain value crosses as a reference: an object that stays with its owner.
Every size is checked before anything is allocated, every read has a deadline, and whatever is wrong with a message is
one kind of error, MessageError.
"""

import itertools
import math
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any, NamedTuple

import msgpack
import numpy as np

LIST, TUPLE, DICT, ARRAY, SCALAR, COMPLEX, GENERATOR, REFERENCE = range(8)
DTYPES = {
    np.dtype(code).str: np.dtype(code)
    for code in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
}
CODES = {dtype: code for code, dtype in DTYPES.items()}
PREFIX = struct.Struct("<IQ")
TIMEVAL = struct.Struct("@ll")
TICK_S = 0.1  # how long one system call may wait; the last tick before a deadline is waited for by polling
PLAIN = frozenset((bool, float, str, bytes, type(None)))  # that cross as themselves, as most whole numbers do
INT_RANGE = range(-(2**63), 2**64)
DEPTH = 16  # of lists within lists
DIMENSIONS = 32
ITEMS = 200_000  # in one message, over all lists
REFERENCES = 1_000  # in one message
HEADER_BYTES = 4 << 20
READ_AHEAD = 1 << 16
SEND_BUFFER = 4 << 20  # bytes that may wait in the socket, as far as the system allows


class MessageError(Exception):
    """A message that does not follow the rules, or a value that no message can hold."""


class PeerGoneError(Exception):
    """The other side has closed its end, or died."""


class DeadlineError(Exception):
    """The other side did not answer, or did not listen, in time."""


class Reference(NamedTuple):
    """An object that stays on its owner's side: its number there, and what it is, in a few words."""

    number: int
    kind: str = "an object"


Buffers = list[memoryview]


_packer = msgpack.Packer()  # which packs one value after the other; to make a new one takes as long as to use it


def encode(value: Any, refer: Callable[[Any], Reference] | None = None) -> tuple[bytes, Buffers]:
    """Turn a value into a header and the buffers of its arrays; `refer` makes references of what is no plain value.

    Raises: MessageError if something cannot be sent.
    """
    packing = _Packing(refer)
    try:
        return _packer.pack(packing.pack(value, 0)), packing.buffers
    except (TypeError, ValueError, OverflowError) as error:
        raise MessageError(f"cannot be sent: {type(error).__name__}") from None


def decode(
    header: bytes | memoryview,
    body_bytes: int,
    resolve: Callable[[Reference], Any] | None = None,
) -> tuple[Any, list[np.ndarray[Any, Any]]]:
    """Turn a header back into its value, with arrays that are allocated, and returned, to be filled from the body.

    Raises: MessageError, before more than body_bytes are allocated for the arrays, if the header is malformed, or if
    its arrays do not come to body_bytes.
    """
    large = len(header) > 2 * ITEMS  # an empty list is one byte here, and a hundred in memory
    try:
        tree = msgpack.unpackb(
            header,
            raw=False,
            max_array_len=2 * ITEMS + 2,
            max_map_len=0,
            max_ext_len=0,
            list_hook=_count_lists() if large else None,
        )
    except Exception as error:  # msgpack raises a dozen kinds on hostile bytes
        raise MessageError(f"malformed header: {type(error).__name__}") from None
    unpacking = Unpacking(body_bytes, resolve)
    try:
        value = unpacking.value(tree, 0)
    except (TypeError, ValueError, KeyError, OverflowError, MemoryError) as error:
        raise MessageError(f"malformed value: {type(error).__name__}") from None
    if unpacking.left:
        raise MessageError("the arrays that the header announces are not those of the body")
    return value, unpacking.arrays


def _count_lists() -> Callable[[list[Any]], list[Any]]:
    """Return a function that takes every list of a message, and raises MessageError when they are too many."""
    lists = itertools.count()

    def count(made: list[Any]) -> list[Any]:
        if next(lists) > 2 * ITEMS:
            raise MessageError("more lists than a message may hold")
        return made

    return count


class _Packing:
    """One value on its way out."""

    def __init__(self, refer: Callable[[Any], Reference] | None) -> None:
        self.refer, self.buffers, self.items, self.references = refer, list[memoryview](), 0, 0

    def pack(self, value: Any, depth: int) -> Any:
        """Return what msgpack packs in place of value. Exact types only: a subclass may lie about itself."""
        kind = type(value)
        if kind in PLAIN or (kind is int and value in INT_RANGE):
            return value
        if kind is np.ndarray and value.ndim <= DIMENSIONS:
            code = CODES.get(value.dtype)
            if code is None and (code := CODES.get(value.dtype.newbyteorder("="))):
                value = value.astype(DTYPES[code])
            if code:
                array = value if value.flags.c_contiguous else np.ascontiguousarray(value)
                if array.nbytes:
                    self.buffers.append(_bytes_of(array))
                return [ARRAY, code, value.shape]
        elif depth < DEPTH and (kind is tuple or kind is list):
            return [TUPLE if kind is tuple else LIST, *self._parts(value, depth)]
        elif depth < DEPTH and kind is dict and all(type(key) is str for key in value):
            return [DICT, *self._parts([part for item in value.items() for part in item], depth)]
        elif kind is complex:
            return [COMPLEX, value.real, value.imag]
        elif kind is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
            return [GENERATOR, *_generator_state(value)]
        elif isinstance(value, np.generic) and kind is value.dtype.type and value.dtype.str in DTYPES:
            return [SCALAR, value.dtype.str, value.tobytes()]
        return self._reference(value)

    def _reference(self, value: Any) -> list[Any]:
        kind = type(value)
        if kind is not Reference and self.refer is None:
            raise MessageError(f"a {kind.__name__} cannot be sent: plain values, arrays and tuples of them can")
        self.references += 1
        if self.references > REFERENCES:
            raise MessageError(f"more than {REFERENCES} objects that are no plain values")
        reference = value if kind is Reference or self.refer is None else self.refer(value)
        return [REFERENCE, reference.number, reference.kind]

    def _parts(self, values: Sequence[Any], depth: int) -> list[Any]:
        self.items += len(values) + 1
        if self.items > ITEMS:
            raise MessageError(f"more than {ITEMS} items in lists: put numbers into an array")
        return [
            value
            if (kind := type(value)) in PLAIN or (kind is int and value in INT_RANGE)
            else self.pack(value, depth + 1)
            for value in values
        ]


def _bytes_of(array: np.ndarray[Any, Any]) -> memoryview:
    """Return the memory of a contiguous array."""
    if array.dtype.kind == "c":  # which memoryview does not know
        return array.reshape(-1).view(np.uint8).data
    return array.data.cast("B")


def _array_bytes(node: list[Any]) -> int:
    if len(node) != 3 or type(node[2]) is not list or len(node[2]) > DIMENSIONS:
        raise MessageError("malformed array")
    if type(node[1]) is not str or node[1] not in DTYPES:
        raise MessageError("an array of a dtype that cannot cross")
    for size in node[2]:
        if type(size) is not int or not 0 <= size < 2**40:
            raise MessageError("malformed shape")
    return math.prod(node[2]) * DTYPES[node[1]].itemsize


class Unpacking:
    """One value on its way in: its arrays, still to be filled, and how many bytes of the body are left for others."""

    def __init__(self, body_bytes: int, resolve: Callable[[Reference], Any] | None) -> None:
        """Begin with a body of that size; `resolve` makes what references stand for."""
        self.left, self.resolve = body_bytes, resolve
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.items = self.references = 0

    def value(self, node: Any, depth: int) -> Any:
        """Return the value that a header's node stands for.

        Raises: MessageError, or what its fields raise, if it is malformed.
        """
        if type(node) is not list:
            if type(node) not in PLAIN and type(node) is not int:  # msgpack's empty ExtType, say
                raise MessageError(f"malformed value: a {type(node).__name__}")
            return node
        if not node or type(node[0]) is not int:
            raise MessageError("malformed value: a list without a tag")
        tag = node[0]
        if tag == ARRAY:
            self.left -= _array_bytes(node)
            if self.left < 0:
                raise MessageError("the arrays that the header announces are not those of the body")
            array = np.empty(node[2], DTYPES[node[1]])
            self.arrays.append(array)
            return array
        if tag in (LIST, TUPLE, DICT):
            self.items += len(node)  # as the sender counts them
            if depth == DEPTH or self.items > ITEMS:
                raise MessageError(f"malformed value: more than {DEPTH} lists within each other, or too many items")
            parts = [part if type(part) in PLAIN else self.value(part, depth + 1) for part in node[1:]]
            return parts if tag == LIST else tuple(parts) if tag == TUPLE else _dict_of(parts)
        if tag == REFERENCE and self.resolve is not None:
            self.references += 1
            if self.references > REFERENCES:
                raise MessageError(f"malformed value: more than {REFERENCES} references")
            _, number, kind = node
            return self.resolve(Reference(_of(int, number), _of(str, kind)))
        return _small(tag, node[1:])


def _dict_of(parts: list[Any]) -> dict[str, Any]:
    keys, values = parts[::2], parts[1::2]
    if not all(type(key) is str for key in keys) or len(keys) != len(values):
        raise MessageError("malformed dict")
    return dict(zip(keys, values, strict=True))


def _small(tag: int, fields: list[Any]) -> Any:
    """Return a number, or a generator, from its fields."""
    if tag == SCALAR:
        code, raw = fields
        dtype = DTYPES[_of(str, code)]
        if len(_of(bytes, raw)) != dtype.itemsize:
            raise MessageError("malformed number")
        return np.frombuffer(raw, dtype)[0]
    if tag == COMPLEX:
        real, imaginary = fields
        return complex(_of(float, real), _of(float, imaginary))
    if tag == GENERATOR:
        return _generator(fields)
    raise MessageError(f"unknown tag {tag}")


def _of(kind: type, value: Any) -> Any:
    """Return a field if it is of the one type that it may be."""
    if type(value) is not kind:
        raise MessageError(f"malformed value: a {type(value).__name__} where a {kind.__name__} belongs")
    return value


def _generator_state(rng: np.random.Generator) -> tuple[bytes, bytes, int, int]:
    state = rng.bit_generator.state
    words = (state["state"]["state"].to_bytes(16, "little"), state["state"]["inc"].to_bytes(16, "little"))
    return *words, state["has_uint32"], state["uinteger"]


def _generator(fields: list[Any]) -> np.random.Generator:
    state, increment, has_uint32, uinteger = fields
    if len(_of(bytes, state)) != 16 or len(_of(bytes, increment)) != 16 or has_uint32 not in (0, 1):
        raise MessageError("malformed generator")
    bits = np.random.PCG64(int.from_bytes(state, "little"))  # which is what its spawn() goes by
    bits.state = {
        "bit_generator": "PCG64",
        "state": {"state": int.from_bytes(state, "little"), "inc": int.from_bytes(increment, "little")},
        "has_uint32": _of(int, has_uint32),
        "uinteger": _of(int, uinteger) % 2**32,
    }
    return np.random.Generator(bits)


def _rest(parts: Sequence[bytes | memoryview], sent: int) -> list[bytes | memoryview]:
    """Return what is left of parts of which so many bytes are sent."""
    for k, part in enumerate(parts):
        if sent < len(part):
            return [memoryview(part)[sent:], *parts[k + 1 :]]
        sent -= len(part)
    return []


class Channel:
    """One end of a stream socket that carries frames."""

    def __init__(self, sock: socket.socket, message_bytes: int, patient: bool = False) -> None:
        """Take the socket over; message_bytes is the most that one message may hold.

        A `patient` channel waits for ever, whatever the deadline: it has nothing else to do, and saves system calls.
        """
        self.socket, self.message_bytes = sock, message_bytes
        self._buffer = memoryview(bytearray(READ_AHEAD))
        self._start = self._end = 0  # what has been read ahead
        self._held = b""
        self._poll = select.poll()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if not patient:  # to wait within read and write is quicker than to be refused, and wait before the next
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                sock.setsockopt(socket.SOL_SOCKET, option, TIMEVAL.pack(0, int(1e6 * TICK_S)))

    def check(self, header: bytes, buffers: Buffers) -> int:
        """Return how many bytes the buffers hold.

        Raises: MessageError if that is more than a message may.
        """
        size = sum(part.nbytes for part in buffers)
        if len(header) > HEADER_BYTES or size > self.message_bytes:
            raise MessageError(f"{(len(header) + size) / 1e6:.0f} MB are more than a message may hold")
        return size

    def hold(self, header: bytes, buffers: Buffers) -> bool:
        """Keep a small frame back, to go in one piece with the next one that is sent; return whether it is small.

        Raises: MessageError, with nothing kept.
        """
        size = self.check(header, buffers)
        if len(self._held) + size > READ_AHEAD:
            return False
        self._held += b"".join([PREFIX.pack(len(header), size), header, *buffers])
        return True

    def send(self, header: bytes, buffers: Buffers, deadline: float) -> None:
        """Send one frame, and what was held back before it, before the deadline (of time.monotonic).

        Raises: MessageError, with nothing sent; DeadlineError, PeerGoneError.
        """
        size = self.check(header, buffers)
        waiting: list[bytes | memoryview] = [self._held, PREFIX.pack(len(header), size), header, *buffers]
        left = len(self._held) + PREFIX.size + len(header) + size
        self._held = b""
        if size < READ_AHEAD:  # one piece is quicker to send than many
            waiting = [b"".join(waiting)]
        while left:
            self._wait(select.POLLOUT, deadline)
            try:
                sent = os.writev(self.socket.fileno(), waiting[:64])  # sendmsg could send descriptors: no fork may
            except BlockingIOError:
                continue
            except OSError:
                raise PeerGoneError from None
            left -= sent
            if left:
                waiting = _rest(waiting, sent)

    def receive(self, deadline: float, resolve: Callable[[Reference], Any] | None = None) -> Any:
        """Read one frame before the deadline, and return its value.

        Raises: MessageError, DeadlineError, PeerGoneError; after any of them the channel is of no more use.
        """
        self._look_ahead(PREFIX.size, deadline)
        header_bytes, body_bytes = PREFIX.unpack_from(self._buffer, self._start)
        self._start += PREFIX.size
        if header_bytes > HEADER_BYTES or body_bytes > self.message_bytes:
            raise MessageError(f"a message of {(header_bytes + body_bytes) / 1e6:.0f} MB is too large")
        value, arrays = decode(self._read(header_bytes, deadline), body_bytes, resolve)
        for array in arrays:
            if array.nbytes:
                self._fill(_bytes_of(array), deadline)
        return value

    def _read(self, size: int, deadline: float) -> memoryview:
        """Return the next bytes, good until the next read."""
        if size > READ_AHEAD:
            data = memoryview(bytearray(size))
            self._fill(data, deadline)
            return data
        self._look_ahead(size, deadline)
        self._start += size
        return self._buffer[self._start - size : self._start]

    def _look_ahead(self, size: int, deadline: float) -> None:
        """Have at least so many bytes in the buffer."""
        if self._end - self._start < size:
            ahead = self._buffer[self._start : self._end].tobytes()
            self._buffer[: len(ahead)] = ahead
            self._start, self._end = 0, len(ahead)
            while self._end < size:
                self._end += self._receive_into(self._buffer[self._end :], deadline)

    def _fill(self, target: memoryview, deadline: float) -> None:
        """Read until the target is full; small reads fetch more than they need, for the next ones."""
        while target.nbytes:
            ahead = min(self._end - self._start, target.nbytes)
            if ahead:
                target[:ahead] = self._buffer[self._start : self._start + ahead]
                self._start += ahead
                target = target[ahead:]
            elif target.nbytes >= READ_AHEAD:
                target = target[self._receive_into(target, deadline) :]
            else:
                self._start, self._end = 0, self._receive_into(self._buffer, deadline)

    def _receive_into(self, target: memoryview, deadline: float) -> int:
        while True:
            left = deadline - time.monotonic()
            if left < 0:
                raise DeadlineError  # also where bytes keep coming, one at a time
            if left <= TICK_S:
                self._wait(select.POLLIN, deadline)
            try:
                count = self.socket.recv_into(target)
            except BlockingIOError:
                continue
            except OSError:
                raise PeerGoneError from None
            if not count:
                raise PeerGoneError
            return count

    def _wait(self, event: int, deadline: float) -> None:
        """Come back when the next system call will not wait beyond the deadline, or can be done at once."""
        left = deadline - time.monotonic()
        if left > TICK_S:
            return
        self._poll.register(self.socket, event)
        if not self._poll.poll(max(0.0, 1000 * left)):
            raise DeadlineError

    def close(self) -> None:
        """Close this end."""
        self.socket.close()


def arrays_in(values: Iterable[Any], but: Container[int] = (), depth: int = 0) -> list[np.ndarray[Any, Any]]:
    """Return the arrays among values, and in their lists, tuples and dicts, in order; no value with an id in `but`."""
    found = []
    for value in values:
        if id(value) in but:
            continue
        if type(value) is np.ndarray:
            found.append(value)
        elif type(value) in (list, tuple, dict) and depth < DEPTH:
            found += arrays_in(value.values() if type(value) is dict else value, but, depth + 1)
    return found


def plain(text: str) -> str:
    """Make a stranger's text fit for one line of a message."""
    if type(text) is str and len(text) <= 200 and text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " for letter in str(text)[:200])


def sound(text: str) -> str:
    """Replace halves of surrogate pairs, which no message and no file can hold."""
    return text.encode("utf-8", "replace").decode()


SMALL = 1 << 16  # bytes, up to which two byte strings are compared more quickly than two arrays


def same_bits(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> bool:
    """Compare two arrays of one shape and dtype bit by bit, which is quick, and at ease with NaN."""
    if a.nbytes <= SMALL or not (a.flags.c_contiguous and b.flags.c_contiguous):
        return a.tobytes() == b.tobytes()
    unit = np.uint64 if a.nbytes % 8 == 0 else np.uint8
    return bool((a.reshape(-1).view(unit) == b.reshape(-1).view(unit)).all())


class Bits:
    """What an array held at some time, to tell whether it has been changed since."""

    __slots__ = ("dtype", "held", "shape")

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        """Remember an array's contents."""
        self.shape, self.dtype = array.shape, array.dtype
        self.held: bytes | np.ndarray[Any, Any] = array.tobytes() if array.nbytes <= SMALL else array.copy()

    def update(self, array: np.ndarray[Any, Any]) -> bool:
        """Tell whether the array, if it has kept its form, holds something else now, which is then remembered."""
        if array.shape != self.shape or array.dtype != self.dtype:
            return False
        if isinstance(self.held, bytes):
            now = array.tobytes()
            changed, self.held = now != self.held, now
            return changed
        if same_bits(array, self.held):
            return False
        self.held[...] = array
        return True

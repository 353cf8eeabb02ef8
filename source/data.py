"""Images to train on: a seeded set that is drawn here, and loaders for CIFAR-10 and Fashion-MNIST.

Nothing in this project reaches for the network, except download_cifar10, and that only when you call it.
"""

import functools
import gzip
import hashlib
import math
import os
import pickle
import secrets
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.pictures import GENERATOR_VERSION, PICTURES, Images, generate
from source.types import Array

Labels: TypeAlias = NDArray[np.int64]

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CIFAR10_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
CIFAR10_FOLDER, CIFAR10_ARCHIVE = "cifar-10-batches-py", "cifar-10-python.tar.gz"
CIFAR10_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")
CIFAR10_HELP = f"Give {CIFAR10_ARCHIVE} or its folder; source.data.download_cifar10(folder) gets it"

FASHION_CLASSES = "T-shirt/top,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot"
FASHION_HELP = "Debian's package dataset-fashion-mnist puts all four into /usr/share/datasets/fashion-mnist"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images to train on and images to test on. Callers share the arrays, so these are made read-only.

    Shapes: x_train, x_test (N, H, W, C) uint8; y_train, y_test (N,) int64, indices into class_names
    """

    x_train: Images
    y_train: Labels
    x_test: Images
    y_test: Labels
    class_names: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        """Lock the arrays."""
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.setflags(write=False)


def as_rows(images: Images) -> Array:
    """Lay every image out as one row of numbers from 0 to 1.

    Shapes: images (N, H, W, C) uint8 -> (N, H·W·C) float64
    """
    return images.reshape(len(images), math.prod(images.shape[1:])) / np.float64(255)


def generated_images(num_train: int = 5000, num_test: int = 1000, seed: int = 0) -> Dataset:
    """Give ten kinds of pictures, about as hard as CIFAR-10: drawn on first use, then kept in memory and on disk.

    With the default sizes a linear model reaches about 35 % of the test set, a two-layer ReLU net about 53 %.
    The same seed gives the same images; on another kind of processor a few values in a million may differ by one.
    Shapes: x (N, 32, 32, 3), y (N,) with every class equally often, give or take one
    Raises: ValueError if an argument is negative.
    """
    if min(num_train, num_test, seed) < 0:
        raise ValueError(f"sizes and seed must not be negative, got {num_train=}, {num_test=}, {seed=}")
    return _generated(num_train, num_test, seed)


@functools.cache
def _generated(num_train: int, num_test: int, seed: int) -> Dataset:
    name = f"generated-v{GENERATOR_VERSION}-seed{seed}-{num_train}-{num_test}"
    try:
        arrays = _read_cache(_cache_folder() / f"{name}.npz", num_train, num_test)
    except Exception:  # absent, cut short, not ours: whatever it is, the set is drawn anew
        arrays = generate(num_train, num_test, seed)
        with suppress(OSError, RuntimeError), _written_whole(_cache_folder() / f"{name}.npz") as file:
            np.savez(file, **arrays)
    return Dataset(**arrays, class_names=tuple(PICTURES), name=name)


def _read_cache(path: Path, num_train: int, num_test: int) -> dict[str, Any]:
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    shapes = [array.shape for array in arrays.values()]
    if shapes != [(num_train, 32, 32, 3), (num_train,), (num_test, 32, 32, 3), (num_test,)]:
        raise ValueError(f"{path}: not of the sizes that its name says, but {shapes}")
    return arrays


def _cache_folder() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME", ""))  # one that is not absolute does not count, says XDG
    return (root if root.is_absolute() else Path.home() / ".cache") / "training-neural-networks"


@contextmanager
def _written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes path's place if the block ends well, and vanishes if it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            yield file
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


# --- CIFAR-10. Its files are pickles, and a pickle may run any code: these are read without running any.


class _Kept:
    """Stands in for NumPy's functions and types while a pickle is read: keeps what it is given, does nothing."""

    def __init__(self, *args: Any) -> None:
        self.args = args

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        wanted = f"{module.replace('_core', 'core')}.{name}"  # NumPy 2 has moved its core to _core
        if wanted in ("numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype"):
            return _Kept
        if wanted == "_codecs.encode":  # how Python 3 writes an array's bytes in Python 2's protocol
            return lambda text, _: text.encode("latin1")
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only arrays are let in")


def _cifar10_batch(batch: Any) -> tuple[Images, Labels]:
    """Take images (N, 32, 32, 3) and labels (N,) from a batch, its rows 1024 red, 1024 green, 1024 blue."""
    labels = np.array(batch[b"labels"], np.int64)
    _, shape, dtype, is_fortran, pixels = batch[b"data"].state
    if dtype.args[0] not in (b"u1", "u1") or shape != (len(labels), 3072):
        raise ValueError(f"expected {len(labels)} rows of 3072 bytes, got {shape} of type {dtype.args[0]}")
    if not np.isin(labels, range(10)).all():
        raise ValueError(f"expected labels from 0 to 9, got {labels.min()} to {labels.max()}")
    rows = np.frombuffer(pixels, np.uint8).reshape(shape, order="F" if is_fortran else "C")
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def _cifar10_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of CIFAR-10's files, in the order in which the folder or the archive has them."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder. {CIFAR10_HELP}")
    if path.is_dir():
        yield from ((file.name, file.read_bytes()) for file in path.iterdir() if file.name in CIFAR10_FILES)
        return
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name in CIFAR10_FILES and member.isfile() and (file := archive.extractfile(member)):
                    yield name, file.read()
            stream.read()  # to the end, where gzip's own checksum is
    except Exception as error:  # a damaged archive can fail in any way, and so can a damaged pickle below
        raise ValueError(f"{path}: cut short, or no tar.gz archive ({error}). {CIFAR10_HELP}") from error


def load_cifar10(path: str | Path) -> Dataset:
    """Read CIFAR-10's Python version: the official archive, its folder, or a folder that holds either.

    Shapes: x (50000, 32, 32, 3) and (10000, 32, 32, 3), y (50000,) and (10000,)
    Raises: FileNotFoundError if a file is missing; ValueError if one is damaged, or asks for more than arrays.
    Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
    """
    path = Path(path).expanduser()
    path = next((inside for name in (CIFAR10_FOLDER, CIFAR10_ARCHIVE) if (inside := path / name).exists()), path)
    found: dict[str, Any] = {}
    for name, content in _cifar10_files(path):
        try:
            batch = _ArraysOnly(BytesIO(content), encoding="bytes").load()
            if name == "batches.meta":
                found[name] = tuple(label.decode() for label in batch[b"label_names"])
            else:
                found[name] = _cifar10_batch(batch)
        except Exception as error:
            problem = f"{path}: {name} is not as CIFAR-10 has it ({type(error).__name__}: {error})"
            raise ValueError(f"{problem}. {CIFAR10_HELP}") from error
    if missing := [name for name in CIFAR10_FILES if name not in found]:
        raise FileNotFoundError(f"{path}: without {', '.join(missing)}. {CIFAR10_HELP}")
    x_train, y_train = map(np.concatenate, zip(*(found[name] for name in CIFAR10_FILES[:5]), strict=True))
    x_test, y_test = found["test_batch"]
    return Dataset(x_train, y_train, x_test, y_test, found["batches.meta"], "CIFAR-10")


def download_cifar10(folder: str | Path) -> Path:
    """Download the official archive (163 MB) to folder, unless it is there already, and return its path.

    Raises: ValueError if the checksum is wrong, OSError if the transfer fails; neither leaves anything behind.
    """
    import http.client  # here: who stays offline need not wait for these two
    import urllib.request

    path = Path(folder).expanduser() / CIFAR10_ARCHIVE
    if path.is_file():
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == CIFAR10_SHA256:
                return path
    digest, done = hashlib.sha256(), 0
    try:
        with _written_whole(path) as target, urllib.request.urlopen(CIFAR10_URL, timeout=60) as response:
            total = int(response.headers.get("Content-Length", 0))
            while chunk := response.read(1 << 20):
                target.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                print(f"\r{path.name}: {done / 1e6:.0f} of {total / 1e6:.0f} MB", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
            if digest.hexdigest() != CIFAR10_SHA256:
                raise ValueError(
                    f"{CIFAR10_URL}: expected SHA-256 {CIFAR10_SHA256}, got {digest.hexdigest()} "
                    f"({done} bytes). Nothing is kept: try again, or bring {path.name} from elsewhere"
                )
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise OSError(f"{CIFAR10_URL}: not downloaded to {path} ({error}); try again, or bring it yourself") from error
    return path


# --- Fashion-MNIST


def _read_idx(folder: Path, name: str, dimensions: int) -> Images:
    """Read an idx file of bytes, plain or gzipped: magic number and sizes, 4 bytes each, then the values."""
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)
    if path is None:
        raise FileNotFoundError(f"{folder / name}: not there, nor is {name}.gz. {FASHION_HELP}")
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cut short, or not gzip ({error}). {FASHION_HELP}") from error
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError(f"{path}: cut short, it ends after {len(content)} bytes. {FASHION_HELP}")
    if content[:4] != (magic := bytes([0, 0, 8, dimensions])):
        raise ValueError(f"{path}: expected magic number {magic.hex()}, got {content[:4].hex()}. {FASHION_HELP}")
    shape = np.frombuffer(content[4:start], ">u4").tolist()
    if len(content) - start != math.prod(shape):
        sizes = " × ".join(map(str, shape))
        raise ValueError(f"{path}: expected {sizes} values, got {len(content) - start}. {FASHION_HELP}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def load_fashion_mnist(path: str | Path) -> Dataset:
    """Read Fashion-MNIST from a folder with its four idx files, plain or gzipped.

    Shapes: x (60000, 28, 28, 1) and (10000, 28, 28, 1), y (60000,) and (10000,)
    Raises: FileNotFoundError if a file is missing; ValueError if one is damaged, or images and labels disagree.
    Source: Xiao, Rasul & Vollgraf 2017, Fashion-MNIST.
    """
    folder = Path(path).expanduser()
    arrays: dict[str, Any] = {}
    for half, part in (("train", "train"), ("test", "t10k")):
        images = _read_idx(folder, f"{part}-images-idx3-ubyte", 3)
        labels = _read_idx(folder, f"{part}-labels-idx1-ubyte", 1)
        if images.shape != (len(labels), 28, 28):
            expected = f"expected images {(len(labels), 28, 28)} for {len(labels)} labels"
            raise ValueError(f"{folder}: {expected} in {part}, got {images.shape}. {FASHION_HELP}")
        if labels.max(initial=0) > 9:
            raise ValueError(f"{folder}: expected {part} labels from 0 to 9, got {labels.max()}. {FASHION_HELP}")
        arrays |= {f"x_{half}": images[..., None], f"y_{half}": labels.astype(np.int64)}
    return Dataset(**arrays, class_names=tuple(FASHION_CLASSES.split(",")), name="Fashion-MNIST")

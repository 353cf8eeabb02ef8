"""Images to train on: a seeded set that is generated here, and loaders for CIFAR-10 and Fashion-MNIST.

Nothing in this module reaches for the network, except download_cifar10, and that only when you call it.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from source.types import Array

Images: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int64]
Field: TypeAlias = NDArray[np.float32]  # one number a pixel, for n pictures: (n, 32, 32)
Colour: TypeAlias = tuple[float, float, float]

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
CIFAR10_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
CIFAR10_BATCHES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
FASHION_NAMES = (
    *("T-shirt/top", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training set and a test set of images; the arrays are made read-only, since all callers share them.

    Shapes: x_train, x_test (N, H, W, C) uint8; y_train, y_test (N,) int64, indices into class_names
    """

    x_train: Images
    y_train: Labels
    x_test: Images
    y_test: Labels
    class_names: tuple[str, ...]
    name: str

    def __post_init__(self) -> None:
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            array.setflags(write=False)


def as_rows(images: Images) -> Array:
    """Lay every image out as one row of numbers between 0 and 1.

    Shapes: images (N, H, W, C) uint8 -> (N, H·W·C) float64
    """
    return images.reshape(len(images), math.prod(images.shape[1:])) / 255.0


# --- The generated set. A shape is the signed distance of every pixel (u, v) to its outline, negative inside;
# w and h are half its width and height. u points right and v points down, as rows and columns do.


def _disc(u: Field, v: Field, w: float, h: float) -> Field:
    return (np.hypot(u / w, v / h) - 1) * min(w, h)


def _box(u: Field, v: Field, w: float, h: float) -> Field:
    return np.maximum(abs(u) - w, abs(v) - h)


def _roof(u: Field, v: Field, w: float, h: float) -> Field:
    return np.maximum(v - h, (abs(u) * 2 * h - w * (v + h)) / math.hypot(2 * h, w))


def _flame(u: Field, v: Field, w: float, h: float) -> Field:
    return _roof(u, -v, w, h)


def _fin(u: Field, v: Field, w: float, h: float) -> Field:
    return _roof(v, u, h, w)


def _bowl(u: Field, v: Field, w: float, h: float) -> Field:
    return np.maximum(_disc(u, v, w, h), -v)


def _dome(u: Field, v: Field, w: float, h: float) -> Field:
    return _bowl(u, -v, w, h)


def _bloom(u: Field, v: Field, w: float, h: float) -> Field:
    return 0.7 * (np.hypot(u, v) - w - h * np.cos(5 * np.arctan2(u, -v)))


def _crescent(u: Field, v: Field, w: float, h: float) -> Field:
    return np.maximum(_disc(u, v, w, w), -_disc(u - h, v + 0.3 * h, 0.85 * w, 0.85 * w))


class _Part(NamedTuple):
    """One shape of a picture: its centre (x, y) and half-sizes where the picture spans −1..1, and its colour."""

    shape: Callable[[Field, Field, float, float], Field]
    x: float
    y: float
    w: float
    h: float
    colour: Colour


_WHITE, _GREY, _DARK, _BROWN = (0.9, 0.88, 0.82), (0.6, 0.62, 0.66), (0.18, 0.16, 0.2), (0.5, 0.33, 0.2)
_RED, _ORANGE, _YELLOW, _PINK = (0.8, 0.22, 0.18), (0.95, 0.55, 0.2), (0.95, 0.8, 0.3), (0.9, 0.5, 0.65)
_GREEN, _WOOD, _BLUE, _SEA = (0.35, 0.52, 0.25), (0.22, 0.3, 0.2), (0.55, 0.7, 0.85), (0.2, 0.4, 0.55)

# What a picture shows: the usual colours above and below the horizon, then its parts from back to front.
_PICTURES: dict[str, tuple[Colour, Colour, tuple[_Part, ...]]] = {
    "boat": (_BLUE, _SEA, (
        _Part(_box, 0, -0.2, 0.05, 0.75, _BROWN), _Part(_roof, 0.42, -0.27, 0.38, 0.58, _WHITE),
        _Part(_roof, -0.34, -0.12, 0.27, 0.42, _RED), _Part(_bowl, 0, 0.4, 0.95, 0.45, _BROWN))),
}  # fmt: skip

"""Six kinds of pictures of 8 × 8 grey pixels, through a bad lens: a problem so small that a search takes no time.

Every kind has two patterns, which shift by a pixel, fade and get noisy. The lens gives every pixel a brightness and a
contrast of its own, the same in all pictures: raw pixels say more about the lens than about the picture.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from source.types import Array

SIDE, KINDS, PATTERNS = 8, 6, 2
COURSE_WORLD = 3  # the seed of the world that the notebook shows
NOISE, CONTRAST = 0.5, 25.0  # against patterns of standard deviation 1, and in grey levels


@dataclass(frozen=True, eq=False)
class TinyImages:
    """A world to take pictures of. Shapes: patterns (6, 2, 8, 8), brightness and contrast (8, 8)."""

    patterns: Array
    brightness: Array
    contrast: Array

    @classmethod
    def world(cls, seed: int) -> "TinyImages":
        """Make up the patterns and the lens: another seed is another problem of the same kind."""
        rng = np.random.default_rng([seed, 0x71])
        coarse = rng.standard_normal((KINDS, PATTERNS, SIDE // 2, SIDE // 2))
        patterns = _blurred(coarse.repeat(2, axis=-2).repeat(2, axis=-1))
        patterns -= patterns.mean(axis=(-2, -1), keepdims=True)
        patterns /= patterns.std(axis=(-2, -1), keepdims=True)
        return cls(patterns, rng.uniform(60, 190, (SIDE, SIDE)), np.exp(rng.uniform(np.log(0.05), 0, (SIDE, SIDE))))

    def take(self, samples: int, rng: np.random.Generator) -> tuple[Array, NDArray[np.intp]]:
        """Take pictures, every kind equally often, give or take one.

        Shapes: -> x (samples, 64) grey levels from 0 to 255, a row a picture, and y (samples,), the kinds
        """
        y = rng.permutation(np.arange(samples) % KINDS)
        seen = self.patterns[y, rng.integers(PATTERNS, size=samples)]
        down, right = rng.integers(-1, 2, size=(2, samples, 1))
        rows, columns = (np.arange(SIDE) - down) % SIDE, (np.arange(SIDE) - right) % SIDE
        seen = seen[np.arange(samples)[:, None, None], rows[:, :, None], columns[:, None, :]]
        seen = seen * rng.uniform(0.6, 1.4, (samples, 1, 1)) + NOISE * rng.standard_normal(seen.shape)
        grey = np.clip(np.rint(self.brightness + CONTRAST * self.contrast * seen), 0, 255)
        return grey.reshape(samples, -1), y

    def without_lens(self, x: Array) -> Array:
        """Return pictures as a perfect lens would have shown them, in units of the patterns, but for rounding.

        Shapes: x (N, 64) grey levels -> (N, 64)
        """
        return (x - self.brightness.ravel()) / (CONTRAST * self.contrast.ravel())


def course_pictures(samples: int = 300) -> tuple[Array, NDArray[np.intp]]:
    """Take the pictures that the notebook trains on.

    Shapes: -> x (samples, 64), y (samples,)
    """
    return TinyImages.world(COURSE_WORLD).take(samples, np.random.default_rng(COURSE_WORLD))


def _blurred(images: Array) -> Array:
    """Blur with (1, 2, 1) / 4 along both axes, round the edges."""
    for axis in (-2, -1):
        images = (np.roll(images, 1, axis) + 2 * images + np.roll(images, -1, axis)) / 4
    return images

"""The generated set's pictures: ten kinds, drawn from shapes, each with its own place, colours, scene and light."""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Images: TypeAlias = NDArray[np.uint8]
Pixels: TypeAlias = NDArray[np.floating]

GENERATOR_VERSION = 1  # goes up when any pixel changes, so that old cache files are not read
_USUAL = 0.22  # share of its usual colour in every colour: nearly all that a linear model can learn from
_SHIFT, _SIZE, _TURN = 0.22, (0.55, 0.85), 0.2  # where the picture lies, how large, how slanted
_CASTS = np.array([(1.0, 0.1, -1.0), (-0.45, 0.8, -0.45)], np.float32)  # warm to cool, magenta to green


def _disc(u: Pixels, v: Pixels, w: float, h: float) -> Pixels:
    distance: Pixels = (np.hypot(u / w, v / h) - 1) * min(w, h)
    return distance


def _roof(u: Pixels, v: Pixels, w: float, h: float) -> Pixels:
    distance: Pixels = np.maximum(v - h, (abs(u) * 2 * h - w * (v + h)) / math.hypot(2 * h, w))
    return distance


# Signed distance of the pixel (u right, v down) to the outline, negative inside; w, h are half width and height.
_SHAPES: dict[str, Callable[[Pixels, Pixels, float, float], Pixels]] = {
    "disc": _disc,
    "bowl": lambda u, v, w, h: np.maximum(_disc(u, v, w, h), -v),
    "dome": lambda u, v, w, h: np.maximum(_disc(u, v, w, h), v),
    "crescent": lambda u, v, w, h: np.maximum(_disc(u, v, w, w), -_disc(u - h, v + 0.3 * h, 0.85 * w, 0.85 * w)),
    "bloom": lambda u, v, w, h: 0.7 * (np.hypot(u, v) - w - h * np.cos(5 * np.arctan2(u, -v))),
    "box": lambda u, v, w, h: np.maximum(abs(u) - w, abs(v) - h),
    "roof": _roof,
    "flame": lambda u, v, w, h: _roof(u, -v, w, h),
    "fin": lambda u, v, w, h: _roof(v, u, h, w),
}
# fmt: off
_COLOURS = {
    "white": (0.9, 0.88, 0.82), "grey": (0.6, 0.62, 0.66), "dark": (0.18, 0.16, 0.2), "red": (0.8, 0.22, 0.18),
    "orange": (0.95, 0.55, 0.2), "yellow": (0.95, 0.8, 0.3), "pink": (0.9, 0.5, 0.65), "brown": (0.5, 0.33, 0.2),
    "green": (0.2, 0.5, 0.25), "meadow": (0.4, 0.55, 0.25), "wood": (0.22, 0.3, 0.2), "sky": (0.55, 0.7, 0.85),
    "blue": (0.25, 0.4, 0.75), "sea": (0.2, 0.4, 0.55), "night": (0.12, 0.14, 0.3),
}
# fmt: on
# The usual colours above and below the horizon; then, from back to front, shape, centre x y, w h, usual colour.
PICTURES = {
    "boat": "sky sea, box 0 -.2 .05 .75 brown, roof .42 -.27 .38 .58 white, roof -.34 -.12 .27 .42 red,"
    "bowl 0 .4 .95 .45 brown",
    "butterfly": "meadow meadow, disc -.5 -.35 .48 .45 orange, disc .5 -.35 .48 .45 orange,"
    "disc -.4 .4 .34 .36 yellow, disc .4 .4 .34 .36 yellow, disc -.52 -.35 .2 .2 dark,"
    "disc .52 -.35 .2 .2 dark, disc 0 0 .1 .75 dark",
    "car": "sky grey, dome 0 0 .65 .6 grey, box 0 -.3 .05 .3 red, box 0 .18 1 .28 red, disc -.55 .45 .25 .25 dark,"
    "disc .55 .45 .25 .25 dark, disc -.55 .45 .1 .1 white, disc .55 .45 .1 .1 white",
    "fish": "sea sea, roof 0 -.35 .45 .3 yellow, fin .72 0 .32 .5 yellow, disc -.15 0 .75 .45 orange,"
    "box 0 0 .07 .38 white, disc -.55 -.12 .13 .13 white, disc -.57 -.12 .07 .07 dark",
    "flower": "meadow wood, box 0 .6 .07 .5 green, disc .27 .7 .26 .12 green, disc -.27 .85 .26 .12 green,"
    "bloom 0 -.3 .5 .16 pink, disc 0 -.3 .22 .22 yellow",
    "house": "sky meadow, box .5 -.6 .13 .35 brown, box 0 .4 .75 .52 white, roof 0 -.5 1 .45 red,"
    "box -.3 .55 .17 .37 brown, box .32 .35 .2 .2 blue",
    "moon": "night night, crescent 0 0 .9 .5 yellow, bloom .55 -.25 .2 .08 white, bloom .35 .45 .12 .05 white",
    "mushroom": "wood meadow, disc 0 .35 .27 .6 white, dome 0 .05 .9 .85 red, disc -.4 -.3 .17 .15 white,"
    "disc .35 -.2 .18 .15 white, disc .05 -.58 .15 .12 white",
    "rocket": "night sky, flame 0 .95 .2 .3 orange, roof 0 .45 .65 .4 red, disc 0 -.1 .35 .85 white,"
    "roof 0 -.78 .25 .25 red, disc 0 -.2 .16 .16 blue",
    "tree": "sky meadow, box 0 .75 .13 .3 brown, roof 0 .25 .8 .4 green, roof 0 -.15 .62 .37 green,"
    "roof 0 -.55 .45 .35 green",
}


def _clouds(n: int, waves: int, rng: np.random.Generator) -> Pixels:
    """Draw smooth random fields, their spectrum falling as in natural images: -> (n, 32, 32)."""
    k = np.arange(waves)
    basis: Pixels = np.cos(np.pi * np.outer(np.arange(32) + 0.5, k) / 32).astype(np.float32)
    amplitudes = rng.standard_normal((n, waves, waves), dtype=np.float32)
    amplitudes /= ((0.7 + np.hypot(k, k[:, None])) ** 1.5).astype(np.float32)
    amplitudes[:, 0, 0] = 0
    return basis @ amplitudes @ basis.T


def _draw(picture: str, n: int, rng: np.random.Generator) -> Images:
    """Draw one picture n times, in coordinates from -1 to 1: -> (n, 32, 32, 3)."""

    def numbers(low: float, high: float) -> Pixels:
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    def colours(usual: str, spread: float) -> Pixels:
        free = rng.uniform(0.1, 0.9, (n, 1)) + rng.uniform(-spread, spread, (n, 2)) @ _CASTS
        mixed = _USUAL * np.array(_COLOURS[usual]) + (1 - _USUAL) * free
        return mixed[:, :, None, None].astype(np.float32)

    def paint(distance: Pixels, colour: Pixels) -> Pixels:
        cover: Pixels = np.clip(0.5 - 16 * distance, 0, 1)
        return image + (colour - image) * cover[:, None]

    scene, *parts = (part.split() for part in PICTURES[picture].split(","))
    x = (np.arange(32, dtype=np.float32) - 15.5) / 16
    y = x[:, None]

    clouds, casts = _clouds(n, 32, rng), _clouds(2 * n, 8, rng).reshape(n, 2, 32 * 32)
    horizon: Pixels = np.clip(0.5 + (y + numbers(-0.6, 0.2) + numbers(-0.3, 0.3) * x) * numbers(1, 6), 0, 1)[:, None]
    above, below = colours(scene[0], 0.15), colours(scene[1], 0.15)
    image: Pixels = above + (below - above) * horizon
    for _ in range(2):  # clutter
        size, u, v = numbers(0.1, 0.45), x - numbers(-1.1, 1.1), y - numbers(-1.1, 1.1)
        radius = np.where(numbers(0, 1) < 0.5, np.hypot(u, v), np.maximum(abs(u), 1.5 * abs(v)))
        image = paint(radius - size, colours("grey", 0.3))
    image += 0.12 * clouds[:, None] + 0.05 * (_CASTS.T @ casts).reshape(n, 3, 32, 32)

    size, turn, width = numbers(*_SIZE), numbers(-_TURN, _TURN), numbers(0.85, 1.15)
    u, v = x - numbers(-_SHIFT, _SHIFT), y - numbers(-_SHIFT, _SHIFT)
    u, v = (np.cos(turn) * u + np.sin(turn) * v) / size, (np.cos(turn) * v - np.sin(turn) * u) / size
    u *= np.copysign(width, numbers(-1, 1))  # half of them mirrored
    distances = []
    for shape, *place, _ in parts:
        centre_x, centre_y, w, h = map(float, place)
        distances.append(size * _SHAPES[shape](u - centre_x, v - centre_y, w, h))
    image *= 1 - 0.35 * np.exp(-10 * np.maximum(np.minimum.reduce(distances), 0))[:, None]  # a soft shadow
    palette = {part[-1]: colours(part[-1], 0.35) for part in parts}
    shade = (1 + numbers(-0.25, 0.25) * u + numbers(-0.25, 0.25) * v + 0.08 * clouds[:, ::-1])[:, None]
    for part, distance in zip(parts, distances, strict=True):
        image = paint(distance, palette[part[-1]] * shade)

    image *= (numbers(0.75, 1.15) * (1 + numbers(-0.25, 0.25) * x + numbers(-0.25, 0.25) * y))[:, None]
    image += 0.015 * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(255 * image, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


def generate(num_train: int, num_test: int, seed: int) -> dict[str, Any]:
    """Draw both halves of the set: x_train, y_train, x_test, y_test, every class equally often."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([rng.permutation(np.arange(n) % len(PICTURES)) for n in (num_train, num_test)])
    x = np.empty((len(y), 32, 32, 3), np.uint8)
    for label, picture in enumerate(PICTURES):
        rows = np.flatnonzero(y == label)
        for start in range(0, len(rows), 200):  # few enough to stay in the processor's cache
            some = rows[start : start + 200]
            x[some] = _draw(picture, len(some), rng)
    train, test = slice(num_train), slice(num_train, None)
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}

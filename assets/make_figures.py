"""Make the pictures in this folder: `python assets/make_figures.py`. Seeded: the same pictures every time."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from source.activations import PAIRS
from source.data import generated_images
from source.explore.saturation import run_stack
from source.explore.zigzag import descend, sigmoid_fed_inputs
from source.plots import activations as plots

HERE = Path(__file__).resolve().parent


def saturation() -> plt.Figure:
    """Ten layers of tanh with weights that are too large: most units sit where the slope is flat."""
    stack = run_stack(PAIRS["tanh"], weight_scale=4.0, rng=np.random.default_rng(0))
    return plots.plot_stack(stack, "tanh, ten layers, weights 4 / √n: the units saturate, and the gradient still grows")


def zigzag() -> plt.Figure:
    """Gradient descent on two weights fed by sigmoids, and by the same inputs with their mean taken off."""
    x, start = sigmoid_fed_inputs(20_000, 2, np.random.default_rng(0)), np.array([2.0, -0.6])
    centred = x - x.mean(axis=0)
    return plots.plot_zigzag(
        {"sigmoid-fed": (x, descend(x, start)), "the same, centred": (centred, descend(centred, start))}
    )


def pictures() -> plt.Figure:
    """The generated image set: ten classes, a column each."""
    data = generated_images()
    figure, axes = plt.subplots(4, 10, figsize=(10, 4.3), layout="constrained")
    for label, name in enumerate(data.class_names):
        axes[0, label].set_title(name, fontsize=9)
        for ax, image in zip(axes[:, label], data.x_train[data.y_train == label], strict=False):
            ax.imshow(image)
            ax.axis("off")
    return figure


def main() -> None:
    """Write every picture."""
    for make in (saturation, zigzag, pictures):
        figure = make()
        figure.savefig(HERE / f"{make.__name__}.png", dpi=100, metadata={"Software": None})
        plt.close(figure)
        print(f"assets/{make.__name__}.png")


if __name__ == "__main__":
    main()

"""The babysitter: a network that trains while one watches its instruments, and turns its knobs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from source.explore import babysitter, watched_run
from source.explore.widgets.asked import asked_for
from source.explore.widgets.babysitter_state import COLUMNS, PICTURE, instruments
from source.explore.widgets.control import Control
from source.explore.widgets.explorer import Explorer, script
from source.explore.widgets.functions import Named, WorkError, code_of
from source.explore.widgets.player import Player
from source.explore.widgets.promises import promised
from source.explore.widgets.state import State

RATES = tuple(float(f"{10 ** (k / 4):.1g}") for k in range(-24, 5))  # 1e-6 to 10, four a decade
REGS = (0.0, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0)
SCALES = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 10.0)
NAMES = ("two_layer_loss", "update_ratio", "diagnose")


def knobs() -> tuple[Control, ...]:
    """Return what can be turned: two at any time, the weight scale for the next run."""
    return (
        Control("learning_rate", "Learning rate", RATES, 0.03),
        Control("reg", "Regularisation", REGS, 1e-3),
        Control("weight_scale", "Weight scale of a new run", SCALES, 1.0, "{:g} × He’s".format),
    )


class Watched:
    """A run, made when it is needed, that keeps what went wrong in it."""

    def __init__(self, make: Callable[[], babysitter.Babysitter]) -> None:
        """Make nothing yet."""
        self._make = make
        self.sitter: babysitter.Babysitter | None = None
        self.failure: Exception | None = None

    def adjust(self, learning_rate: float, reg: float) -> None:
        """Set what the next step is taken with. A failure is forgotten: it may have been mended."""
        self.failure = None
        try:
            self.sitter = self.sitter or self._make()
        except Exception as error:  # kept, and raised by whoever shows the run
            self.failure = error
        else:
            self.sitter.learning_rate, self.sitter.reg = learning_rate, reg

    def advance(self) -> bool:
        """Take a step; False if that was the last one, or failed."""
        if self.sitter is None or self.failure is not None:
            return False
        try:
            self.sitter.step()
        except Exception as error:  # kept, and raised by whoever shows the run
            self.failure = error
        return not (self.over or self.failure)

    @property
    def over(self) -> bool:
        """Whether it blew up, or has come to its end."""
        return self.sitter is not None and (self.sitter.halted or self.sitter.reading().step >= watched_run.STEPS)


class Babysitter(Player):
    """A two-layer network in training on a thousand images, while one changes its learning rate and regularisation.

    `functions` holds two_layer_loss, update_ratio and diagnose by name: what it is made of, watched by and judged by;
    those that it does not hold come from the bundle. `running = True` starts it, and `babysitter.learning_rate = 0.1`
    may come at any time.
    """

    _esm = script("babysitter")
    heights = (420, 860)
    picture, columns = PICTURE, COLUMNS

    def __init__(self, functions: Named | None = None, **start: Any) -> None:
        """Train with `functions`; `start` sets controls."""
        self.functions = promised(asked_for("Babysitter", "babysitting", NAMES, functions))
        self.given = code_of("functions", functions)
        super().__init__(knobs(), start, self.given)

    def begin(self, values: Mapping[str, Any]) -> None:
        """Draw new weights, of the scale that is set."""
        run = Watched(lambda: fresh(self.functions, values))
        run.adjust(values["learning_rate"], values["reg"])
        self._run = run

    def adjust(self, values: Mapping[str, Any]) -> None:
        """Set what the next step is taken with."""
        self._run.adjust(values["learning_rate"], values["reg"])

    def advance(self) -> bool:
        """Take the next minibatch."""
        return self._run.advance()

    @property
    def over(self) -> bool:
        """Whether the run has no steps left."""
        return self._run.over

    def compute(self, values: Mapping[str, Any]) -> State:
        """Read the instruments, and ask the doctor."""
        run = self._run
        if run.failure is not None or run.sitter is None:
            raise run.failure or RuntimeError("there is no run")
        try:
            return instruments(run.sitter, self.functions["diagnose"])
        except WorkError as error:
            run.failure = error  # nobody would see the run go on
            raise

    def tabled(self) -> Explorer:
        """Return the recording of a run for every setting."""
        return Recording(self.functions, self.values, self.given)


class Recording(Explorer):
    """The same runs with nobody's hand on the knobs, epoch by epoch: each state belongs to its controls alone."""

    _esm = Babysitter._esm
    heights, picture, columns = Babysitter.heights, PICTURE, COLUMNS
    play = {"step": "One epoch", "again": "New run", "control": "epoch", "every_ms": 250}  # noqa: RUF012

    def __init__(self, functions: Mapping[str, Any], start: Mapping[str, Any], given: str) -> None:
        """Take the functions; a run is made when one of its states is asked for."""
        self.functions = functions
        self._latest: tuple[dict[str, Any], list[State]] | None = None
        epochs = tuple(range(watched_run.EPOCHS + 1))
        epoch = Control("epoch", "Epoch", epochs, 0, f"{{}} of {watched_run.EPOCHS}".format)
        super().__init__((*knobs(), epoch), start, given)
        self.spec = self.spec | {"name": Babysitter.__name__}

    def compute(self, values: Mapping[str, Any]) -> State:
        """Return the run's state after an epoch, or at its end, if it did not get so far."""
        setting = {name: values[name] for name in ("learning_rate", "reg", "weight_scale")}
        if self._latest is None or self._latest[0] != setting:
            self._latest = setting, [*self._states(setting)]
        states = self._latest[1]
        return states[min(int(values["epoch"]), len(states) - 1)]

    def _states(self, setting: Mapping[str, Any]) -> Iterator[State]:
        sitter = fresh(self.functions, setting)
        for _ in range(watched_run.EPOCHS + 1):
            yield instruments(sitter, self.functions["diagnose"])
            if sitter.halted:
                return
            sitter.run(epochs=1)


def fresh(functions: Mapping[str, Any], values: Mapping[str, Any]) -> babysitter.Babysitter:
    """Put a network before its first step."""
    names = ("learning_rate", "reg", "weight_scale")
    two_layer_loss, update_ratio = functions["two_layer_loss"], functions["update_ratio"]
    return watched_run.fresh_run(two_layer_loss, update_ratio, **{name: values[name] for name in names})

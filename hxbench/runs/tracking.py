"""A run followed by an experiment tracker (`--track`), any that accelerate knows: losses, rates and scores.

Nothing of it is part of a run: neither its spec nor its record in the store says that it was followed.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from accelerate import Accelerator

from hxbench.errors import InputError, did_you_mean
from hxbench.spec.run_spec import RunSpec
from hxbench.training.loop import LOG_EVERY
from hxbench.training.optimiser import learning_rate

_PROJECT = "hxbench"
# how the trackers call a run of a project; others are told the run in the place of the project
_RUN_NAME = {
    "wandb": "name", "mlflow": "run_name", "trackio": "name", "swanlab": "experiment_name", "clearml": "task_name",
}  # fmt: skip
_DISTRIBUTIONS = {"comet_ml": "comet-ml"}


def require_tracker(name: str) -> None:
    """Raise `InputError` for a tracker that accelerate does not know, or whose package is not installed."""
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    known = sorted(map(str, LOGGER_TYPE_TO_CLASS))
    if name not in known:
        raise InputError(did_you_mean("tracker", name, known))
    if name not in map(str, get_available_trackers()):
        package = _DISTRIBUTIONS.get(name, name)
        raise InputError(f"--track {name}: its package is not installed here (pip install {package}).")


class Tracking:
    """Tells a tracker of one run; of a tracker that fails it complains once, and the run goes on without it."""

    def __init__(self, name: str, spec: RunSpec, accelerator: Accelerator) -> None:
        self._spec, self._accelerator, self._losses = spec, accelerator, list[float]()
        self._step = 0
        self._told = name  # nothing where nobody is told
        run = f"{spec.title} {spec.run_id}"
        in_words = re.sub("[^A-Za-z0-9+]+", "-", run)  # the name of a folder, for some
        project, own = (_PROJECT, {_RUN_NAME[name]: run}) if name in _RUN_NAME else (in_words, {})
        config = {
            "run": spec.run_id, "method": spec.method, "setting": spec.setting, "part": spec.part,
            "backbone": spec.backbone.name, "seed": spec.seed, "profile": spec.profile,
        }  # fmt: skip
        if name:
            self._call("init_trackers", project, config=config, init_kwargs={name: own} if own else {})

    def loss(self, step: int, updates: int, loss: float) -> None:
        """Be told the loss of an update; the means of some are passed on, with the rate."""
        self._step = step
        self._losses.append(loss)
        if self._told and (step % LOG_EVERY == 0 or step == updates):
            rate = learning_rate(step - 1, updates, self._spec.training)
            self._log({"loss": sum(self._losses) / len(self._losses), "lr": rate})
        if step % LOG_EVERY == 0:
            self._losses.clear()

    def scores(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Be told rows as they are stored: scores of development and test sets."""
        names = ("split", "task", "language", "metric")
        self._log({"/".join(str(row[name]) for name in names if row[name]): row["value"] for row in rows})

    def finish(self) -> None:
        """Let the tracker write what it has."""
        if self._told:
            for tracker in self._accelerator.trackers:
                self._call("finish", of=tracker)

    def _log(self, values: Mapping[str, float]) -> None:
        if self._told and values:
            self._call("log", dict(values), step=self._step)

    def _call(self, what: str, *given: Any, of: Any = None, **named: Any) -> None:
        try:
            getattr(of or self._accelerator, what)(*given, **named)
        except Exception as error:  # whatever a service raises costs no training
            said = f"{type(error).__name__}: {error}"
            print(f"hxbench: {self._told} follows {self._spec.title} no further ({said}).", file=sys.stderr)
            self._told = ""

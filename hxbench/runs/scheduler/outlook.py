"""What a plan will take: runs, updates, hours and disk, from specs, the store and the cache, with nothing read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from hxbench import manifest, places
from hxbench.backbones.wheel import wheel_folder
from hxbench.runs.preview import Preview
from hxbench.runs.scheduler.estimate import Durations, wall_seconds
from hxbench.runs.scheduler.speed import Forecaster, updates_of
from hxbench.runs.session import Planned
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.run_spec import RunSpec

_BESIDE = 300_000  # bytes of a run but for its weights: scores, predictions, history
_STATE = 4  # times the weights while a run trains: they, the best of them and AdamW's two moments


_GPU, _CORE = "GPU", "CPU core"


@dataclass(frozen=True)
class Coming:
    """A backbone that runs to do are on, and what it is to be had."""

    name: str
    origin: str
    here: bool
    size: int | None  # bytes that are fetched; None where it is made here, or its configuration is not known
    seconds: float  # in which it is pre-trained
    device: str  # where that is done


@dataclass(frozen=True)
class Outlook:
    """What is to do, and what that takes."""

    durations: Durations
    to_do: int
    updates: int
    assumed: int  # runs in epochs, whose training sets were not counted
    seconds: float  # until all is done; of a cluster that takes as many as it can, the longest run
    device_seconds: dict[str, float]  # of GPUs and of CPU cores, where any runs are on one
    by_store: int  # runs to do that are like runs in the store
    by_flops: int
    unknown: int
    speed: str  # what the FLOPs are divided by, in words; nothing where no run is counted by them
    kept: int  # bytes in the store
    training: int  # bytes beside them while runs train
    backbones: tuple[Coming, ...]


def outlook(session: Preview, workers: int | None, *, gpu: bool = False) -> Outlook:
    """Return what the runs to do of a session take, so many at a time (None: as many as there are).

    `gpu` says that each of them is given one; else they have one where there is one, or their profile is for one.
    """
    todo, forecaster = session.todo(), Forecaster(gpu=gpu)
    known = {one.run_id: forecaster.of(one.job.spec) for one in todo}
    by_spec = {id(one.job.spec): known[one.run_id] for one in todo}

    def foreseen(spec: RunSpec) -> float | None:
        found = by_spec.get(id(spec))
        return found.seconds if found else None

    durations = Durations(session.records, foreseen)
    seconds, unknown = wall_seconds(todo, durations, workers or len(todo))
    new = [one for one in todo if durations.in_store(one.job.spec) is None]
    by_store = len(todo) - len(new)
    bases = dict.fromkeys(forecaster.basis(one.job.spec.training) for one in new if known[one.run_id])
    spent: dict[str, float] = {}
    for one in todo:
        training = one.job.spec.training
        device, count = _device(one.job.spec, forecaster), 1
        if device == _CORE:
            count = training.cpu_threads or torch.get_num_threads()
        spent[device] = spent.get(device, 0.0) + (durations.of(one.job.spec) or 0.0) * count
    weights = {one.run_id: found.weights if (found := known[one.run_id]) else 0 for one in todo}
    kept = sum(_BESIDE + (weights[one.run_id] if one.job.keep_weights else 0) for one in todo)
    coming = tuple(_coming(todo, forecaster))
    for backbone in coming:
        spent[backbone.device] = spent.get(backbone.device, 0.0) + backbone.seconds
    return Outlook(
        durations=durations,
        to_do=len(todo),
        updates=sum(updates_of(one.job.spec) for one in todo),
        assumed=sum(one.job.spec.training.updates is None and not one.job.spec.few_shot for one in todo),
        seconds=seconds + sum(one.seconds for one in coming),
        device_seconds=spent,
        by_store=by_store,
        by_flops=len(todo) - by_store - unknown,
        unknown=unknown,
        speed=" and ".join(bases),
        kept=kept,
        training=_STATE * max(weights.values(), default=0) * (workers or len(todo)),
        backbones=coming,
    )


def _device(spec: RunSpec, forecaster: Forecaster) -> str:
    return _GPU if forecaster.on_gpu(spec.training) else _CORE


def _coming(todo: Sequence[Planned], forecaster: Forecaster) -> list[Coming]:
    """Return the backbones of the runs to do, each once."""
    made = [_said(path.read_text()) for path in (places.cache_dir() / "backbones").glob("*/pretraining.json")]
    found = []
    for one in {p.job.spec.backbone.model_dump_json(exclude={"fingerprint"}): p for p in todo}.values():
        spec = one.job.spec.backbone
        size, seconds = None, 0.0
        if spec.wheel:
            here, size = manifest.is_complete(wheel_folder(spec)), sum(p.size for p in spec.wheel.packages)
        elif spec.pretrain:
            here = _means(spec) in made
            seconds = 0.0 if here else forecaster.pretraining(one.job.spec)
        else:
            here = spec.files is not None
            size = forecaster.size(one.job.spec)
        origin = f"{spec.hub} on the hub" if spec.hub else spec.origin
        found.append(Coming(spec.name, origin, here, size, seconds, _device(one.job.spec, forecaster)))
    return found


def _means(spec: BackboneSpec) -> object:
    return spec.model_dump(mode="json", exclude={"fingerprint"})


def _said(text: str) -> object:
    """Return the spec of a backbone that was made here, as far as its note can be read."""
    try:
        return {key: value for key, value in json.loads(text)["spec"].items() if key != "fingerprint"}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None

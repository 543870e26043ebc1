"""How long a run takes that is like none in the store: its FLOPs at the speed of this machine or an assumed GPU.

Nothing of its data is read: the lengths of texts and the sizes of corpora are assumed (`_tokens`, `_sizes`).
"""

import math
import platform
import time
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from hxbench.backbones.load import meta_backbone
from hxbench.errors import InputError, Uncounted
from hxbench.runs.assemble import costs, sizes
from hxbench.spec.run_spec import RunSpec, TrainingSpec
from hxbench.spec.settings import source_pairs, target_pairs, text_pairs
from hxbench.training.device import rounded_products

_TOKENS, _SANDBOX_TOKENS = 32, 16  # of a text, padding included: real ones, synthetic ones
_COUNTED = 128  # tokens of the text whose FLOPs are counted
_AN_UPDATE = 0.005  # seconds of it whatever the size of the backbone, in the runs of results/reference
_TRAIN, _DEV, _TEST = 10_000, 500, 1_000  # texts of a pair, where a profile does not cut them
_SANDBOX = 300  # of each split of the synthetic ones
_WIDTHS = (64, 1024)  # that are measured, in powers of two
_ROWS, _LENGTH = 16, 32  # of the batch that is measured on a CPU
_SECONDS = 0.2  # that are measured at least
_TYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
# FLOPs a second of training on a GPU where none is here: two fifths of what NVIDIA gives as the peak of an A100
_ASSUMED = {"fp32": 0.4 * 19.5e12, "bf16": 0.4 * 312e12, "fp16": 0.4 * 312e12}


@dataclass(frozen=True)
class Forecast:
    """What a run will need, from its spec alone."""

    seconds: float
    weights: int  # bytes of what it trains


@dataclass(frozen=True)
class _Shape:
    """What a backbone's configuration says of the work with it."""

    per_token: int  # FLOPs of a forward pass
    per_batch: int
    backbone: int  # parameters
    width: int


def updates_of(spec: RunSpec) -> int:
    """Return the updates of a run; of one in epochs those of a training set of the assumed size."""
    training = spec.training
    if training.updates is not None:
        return training.updates
    assert training.epochs is not None
    if spec.few_shot:
        return math.ceil(training.epochs * math.ceil(spec.few_shot.k / training.batch_size))
    some = spec.data.train_examples or _sizes(spec)[0]
    return math.ceil(training.epochs * math.ceil(some / training.batch_size)) * _pairs(spec)[0]


def _tokens(spec: RunSpec) -> int:
    return min(spec.data.max_length, _SANDBOX_TOKENS if spec.data.origin == "sandbox" else _TOKENS)


def _sizes(spec: RunSpec) -> tuple[int, int, int]:
    """Return how many texts a pair has to train on, to be chosen by and to be scored on."""
    data = spec.data
    most = (_SANDBOX,) * 3 if data.origin == "sandbox" else (_TRAIN, _DEV, _TEST)
    cut = (data.train_sentences, data.dev_sentences, data.test_sentences)
    train, dev, test = (given or usual for given, usual in zip(cut, most, strict=True))
    return train, dev, test


def _pairs(spec: RunSpec) -> tuple[int, int]:
    """Return how many pairs a run is trained on, and scored on."""
    if spec.few_shot:
        return 1, 1
    if spec.setting == "language":
        return 1, 0
    if spec.answers_texts:
        own = len(text_pairs(spec.tasks, spec.data))
        return own, own + len(text_pairs(spec.foreign, spec.data))
    sources = source_pairs(spec.setting, spec.task, spec.partition, spec.data)
    return len(sources), len(target_pairs(spec.setting, spec.task, spec.data))


class Forecaster:
    """Counts what runs need; what takes long to count once a backbone, or once a method on it.

    `gpu` says that the runs are given GPUs, whatever is here.
    """

    def __init__(self, *, gpu: bool = False) -> None:
        self._given, self._here = gpu, torch.accelerator.is_available()
        self._shapes: dict[str, _Shape] = {}
        self._sizes: dict[tuple[str, str, str], tuple[int, int]] = {}

    def on_gpu(self, training: TrainingSpec) -> bool:
        """Return whether a run is to be on a GPU: one is here or given, or its profile names no CPU threads."""
        return self._given or self._here or training.cpu_threads is None

    def speed(self, width: int, training: TrainingSpec) -> float:
        """Return the FLOPs a second of training, measured here or assumed."""
        if self.on_gpu(training) and not self._here:
            return _ASSUMED[training.precision]
        return _measured(_power_of_two(width), training.precision, training.cpu_threads or torch.get_num_threads())

    def basis(self, training: TrainingSpec) -> str:
        """Return in words what the speed is that a run is counted with."""
        if self.on_gpu(training) and not self._here:
            return f"an assumed GPU of {_ASSUMED[training.precision] / 1e12:.3g} TFLOP/s, as none is here"
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {platform.machine()}"
        return f"the speed of this machine ({device})"

    def of(self, spec: RunSpec) -> Forecast | None:
        """Return what a run needs; None where its FLOPs cannot be counted.

        That is so of a hub's backbone whose configuration is not here, and of what meta tensors cannot run.
        """
        if not spec.backbone.family:
            return None
        try:
            return self._counted(spec)
        except Uncounted:
            return None
        except InputError:
            raise
        except Exception:  # whatever a method of somebody else's raises on meta tensors
            return None

    def _counted(self, spec: RunSpec) -> Forecast:
        backbone = self._key(spec)
        key = (spec.method, spec.variant, backbone)
        if key not in self._sizes:  # heads and drawn positions differ little beside the rest
            self._sizes[key] = sizes(spec)
        trained, virtual = self._sizes[key]
        if backbone not in self._shapes:
            found = costs(spec, _COUNTED)
            per_token = found["flops_per_token"] * _COUNTED // (_COUNTED + virtual)  # each is one more token
            width = meta_backbone(spec.backbone).hidden_size
            self._shapes[backbone] = _Shape(per_token, found["flops_per_batch"], found["backbone"], width)
        shape = self._shapes[backbone]
        seconds = _flops(spec, shape, trained, virtual) / self.speed(shape.width, spec.training)
        return Forecast(seconds + _AN_UPDATE * updates_of(spec), 4 * trained)

    @staticmethod
    def _key(spec: RunSpec) -> str:
        return spec.backbone.model_dump_json(exclude={"fingerprint"})

    def size(self, spec: RunSpec) -> int | None:
        """Return the bytes of a backbone's weights in fp32; None where its configuration is not here."""
        shape = self._shapes.get(self._key(spec))
        return 4 * shape.backbone if shape else None

    def pretraining(self, spec: RunSpec) -> float:
        """Return the seconds in which the backbone of a run is made that `of` has counted, 0 for another."""
        plan, shape = spec.backbone.pretrain, self._shapes.get(self._key(spec))
        if plan is None or shape is None:
            return 0.0
        tokens = plan.steps * plan.batch_size * min(plan.max_length, _tokens(spec))
        threads = plan.cpu_threads or spec.training.cpu_threads  # without any it is on the device of its run
        training = spec.training.model_copy(update={"precision": plan.precision, "cpu_threads": threads})
        return 3 * tokens * shape.per_token / self.speed(shape.width, training)


def _flops(spec: RunSpec, shape: _Shape, trained: int, virtual: int) -> float:
    """Return the FLOPs of training, of choosing the weights and of scoring, of virtual tokens too."""
    training, updates, tokens = spec.training, updates_of(spec), _tokens(spec) + virtual
    sources, targets = _pairs(spec)
    _, dev, test = _sizes(spec)
    # gradients go back through all of the backbone, and into what is trained
    passes = 2 + trained / (shape.backbone + trained)
    flops = passes * updates * (training.batch_size * tokens * shape.per_token + shape.per_batch)
    looks = 0 if training.selection == "last" else math.ceil(updates / training.evaluate_every)
    chosen_by = targets if training.selection == "targets" else sources
    return flops + (looks * chosen_by * dev + targets * test) * tokens * shape.per_token


def _power_of_two(width: int) -> int:
    return min(max(2 ** round(math.log2(width)), _WIDTHS[0]), _WIDTHS[1])


@cache
def _measured(width: int, precision: str, threads: int) -> float:
    """Return the FLOPs a second of one transformer layer, forward and backward, of AdamW's step too."""
    device = torch.accelerator.current_accelerator() or torch.device("cpu")
    on_cpu = device.type == "cpu"
    rows = _ROWS if on_cpu else 32 * _ROWS
    clock = time.process_time if on_cpu else time.perf_counter  # other processes may have the cores, too
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        layer = nn.TransformerEncoderLayer(width, width // 32, 4 * width, batch_first=True, device=device)
        optimiser = torch.optim.AdamW(layer.parameters())
        texts = torch.randn(rows, _LENGTH, width, device=device)

        def update() -> float:
            with rounded_products(device, precision):
                with torch.autocast(device.type, getattr(torch, _TYPES[precision]), enabled=precision != "fp32"):
                    loss = layer(texts).square().mean()
                loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            return loss.item()  # waits for the device

        update()
        start, count = clock(), 0
        while count < 2 or clock() - start < _SECONDS * (threads if on_cpu else 1):
            update()
            count += 1
        seconds = (clock() - start) / (threads if on_cpu else 1) / count
    finally:
        torch.set_num_threads(before)
    return 3 * 2 * 12 * width**2 * rows * _LENGTH / seconds

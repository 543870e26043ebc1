"""Whether a backbone can carry every method: its parts by the entry of its family, what it says, and each tuning.

Every check compares with something that does not go by the entry: the stock model of the library, a text that is
read alone and without padding, numbers of the configuration.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from hxbench.answering import answering_of
from hxbench.answering.answer import Answering
from hxbench.backbones import checkpoint
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.entry import unnamed_parts, wrong_parts
from hxbench.backbones.load import load_backbone, meta_backbone
from hxbench.backbones.shape import auto_class
from hxbench.backbones.sites import EMBEDDINGS, Sites
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import Method, Setup, seed_everything
from hxbench.printing import shortened
from hxbench.spec import recipe
from hxbench.spec.architecture import architecture_in
from hxbench.spec.backbone import BackboneSpec
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import Batch, collate, pad

LENGTHS = (5, 9, 3, 12)  # of the texts, in tokens
_RANK, _WIDTH, _TOKENS, _BUDGET = 2, 4, 3, 300
TUNINGS: dict[str, tuple[str, dict[str, Any]]] = {  # kind of method and its options, by what people call it
    "full fine-tuning": ("pet-ft", {}),
    "LoRA": ("pet-lora", {"rank": _RANK}),
    "adapter": ("pet-adapter", {"bottleneck": _WIDTH}),
    "prompt": ("pet-prompt", {"tokens": _TOKENS}),
    "BitFit": ("pet-bitfit", {}),
    "APET": ("apet", {"budget": _BUDGET}),
}
_NEAR = 1e-4  # of the largest value: what rounding may make of another order of sums
_FALLS = (1e-3, 1e-5, 2e-6)  # of the loss, to the first order: steps that are tried until one is small enough
_TASKS = ("pos", "rte")  # of every type of answer one


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and a sentence for everything that is wrong."""

    name: str
    found: str
    wrong: tuple[str, ...] = ()
    left_out: bool = False


def checks(folder: Path, entry: Path | None = None) -> Iterator[Check]:
    """Yield one check of a backbone's folder after another; `entry` is the file of its family's, if not installed.

    Raises `InputError` for a folder that is no backbone's, a family without an entry, and a file that is none.
    """
    checkpoint.require_files(folder)
    family = recipe.family_in(entry, architecture_in(folder)) if entry else checkpoint.family_in(folder)
    spec = BackboneSpec(name=folder.resolve().name, folder=str(folder.resolve()))
    outline = meta_backbone(spec, family)
    wrong = [*wrong_parts(outline.model, family)]
    wrong = wrong or [*unnamed_parts(outline.model, family)]
    if wrong:
        yield Check("parts", "", tuple(wrong))
        return
    roles = dict.fromkeys(role for stack in family.parts.values() for role in stack.roles)
    layers = f"{' + '.join(map(str, outline.depths))} layers of {outline.hidden_size}"
    yield Check("parts", f"{family.title}: {layers}; {', '.join(roles)}")
    try:
        backbone = load_backbone(spec, family=family)
    except InputError as error:
        yield Check("files", "", (str(error),))
        return
    backbone.draw(0)
    backbone.model.eval()
    parameters = sum(p.numel() for p in backbone.model.parameters())
    tokens = f"{len(backbone.tokenizer):,} tokens, padding {backbone.padding}, end {backbone.end}"
    yield Check("files", f"{parameters:,} parameters; {tokens}")
    sample = Sample(backbone)
    yield _tried("stock model", partial(_as_stock, sample, folder))
    yield _tried("padding", partial(_padded, sample))
    yield _tried("sites", partial(_sites, sample))
    for answering, task in sample.answerings.items():
        for name, (kind, options) in TUNINGS.items():
            title = f"{name}, {answering.name}"
            if kind == "pet-bitfit" and not backbone.biased():
                yield Check(title, "the entry names no biases that the model has", left_out=True)
            else:
                yield _tried(title, partial(_tuned, sample, kind, options, task))


class Found(NamedTuple):
    """What a check has seen, and what is wrong."""

    seen: str
    wrong: list[str]


def _tried(name: str, look: Callable[[], Found]) -> Check:
    """Return a check that looks; whatever the model raises with this entry is what is wrong."""
    try:
        seen, wrong = look()
    except Exception as error:  # a wrong entry leads stock modules to anything
        first = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        return Check(name, "", (f"{type(error).__name__}: {shortened(first, 200)}.",))
    return Check(name, "" if wrong else seen, tuple(wrong))


class Sample:
    """A backbone with texts of random tokens of its own, the same every time, and targets for them."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        draw = np.random.default_rng(0)
        tokenizer = backbone.tokenizer
        special = {*tokenizer.all_special_ids, backbone.padding, backbone.end}
        config: Any = backbone.model.config
        size = min(int(config.vocab_size), len(tokenizer))
        words = [number for number in range(size) if number not in special]
        self.texts = [draw.choice(words, count) for count in LENGTHS]
        self.answers = [np.append(draw.choice(words, count % 3 + 1), backbone.end) for count in LENGTHS]

    @property
    def answerings(self) -> dict[type[Answering], str]:
        """How the family answers, each form with one of its tasks."""
        found: dict[type[Answering], str] = {}
        for task in _TASKS:
            try:
                found[answering_of(self.backbone.family.stacks, [task_of(task)])] = task
            except InputError:
                continue
        return found

    def batch(self, task: str, chosen: slice = slice(None)) -> Batch:
        """Return some of the texts with targets of a task as a batch, padded on the right."""
        texts, answers = self.texts[chosen], self.answers[chosen]
        by_token = task_of(task).type == "tagging"
        if by_token:
            answers = [np.arange(len(text)) % len(task_of(task).labels) for text in texts]
        elif self.backbone.chooses:
            answers = [text[:1] % 2 for text in texts]
        return collate(texts, answers, padding=self.backbone.padding, task=task, by_token=by_token)

    def method(self, kind: str, options: dict[str, Any], task: str) -> Method:
        """Return a new method on the backbone."""
        made = method_class(kind)
        seed_everything(1)
        method = made(Setup(self.backbone, (task,), ("en",), seed=1), made.Options.model_validate(options))
        method.freeze()
        return method.eval()

    def read(self) -> Tensor:
        """Return what the model makes of a text, logits [1, length, vocabulary]."""
        with torch.no_grad():
            return _logits(self.backbone.model, _row(self.texts[1]), _row(self.answers[1]))


def _row(ids: np.ndarray) -> Tensor:
    return torch.from_numpy(ids)[None]


def _logits(model: Any, source: Tensor, target: Tensor) -> Tensor:
    """Return a stock model's logits for a text [1, length]; with two stacks, for the target behind its start."""
    if not model.config.is_encoder_decoder:
        return model(input_ids=source).logits
    start = torch.full_like(target[:, :1], model.config.decoder_start_token_id)
    shifted = torch.cat([start, target[:, :-1]], 1)
    return model(input_ids=source, decoder_input_ids=shifted).logits


def _differ(what: str, ours: Tensor, wanted: Tensor) -> list[str]:
    """Return what to say of values that are not the same but for rounding; nothing where they are."""
    if ours.shape != wanted.shape:
        return [f"{what}: the shape is {[*ours.shape]} and not {[*wanted.shape]}."]
    most = (ours - wanted).abs().max().item()
    return [] if most <= _NEAR * max(1.0, wanted.abs().max().item()) else [f"{what}: they differ by {most:.2g}."]


def _as_stock(sample: Sample, folder: Path) -> Found:
    """Look whether texts are read, in a batch and through the head, as the library's model reads each alone."""
    from transformers import AutoConfig

    backbone = sample.backbone
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    with checkpoint.quietly():
        stock = auto_class(config, backbone.family).from_pretrained(
            folder, config=config, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
        )
    # the library does not keep of a configuration that the output matrix is its own (see `load_backbone`)
    stock.config.tie_word_embeddings = backbone.model.config.tie_word_embeddings  # type: ignore[union-attr]
    stock.eval()
    method, wrong = sample.method("pet-ft", {}, "rte"), []
    with torch.no_grad():
        batch = sample.batch("rte")
        ours = method.encode(batch).states if backbone.chooses else method.logits(batch)
        for text, answer, row in zip(sample.texts, sample.answers, ours, strict=True):
            source, target = _row(text), _row(answer)
            if backbone.chooses:
                states = row[None, : len(text)]
                wrong += _differ("states", states, stock.base_model(input_ids=source).last_hidden_state)
                if not backbone.drawn:
                    wrong += _differ(
                        "logits through head", backbone.mlm_head(states), stock(input_ids=source).logits
                    )
                continue
            whole = source if stock.config.is_encoder_decoder else torch.cat([source, target], 1)
            wanted = _logits(stock, whole, target)[0]
            wanted = wanted if stock.config.is_encoder_decoder else wanted[len(text) - 1 : -1]
            wrong += _differ("logits", row[: len(answer)], wanted)
    method.remove()
    return Found("reads and answers as the library's own model does", [*dict.fromkeys(wrong)][:3])


def _padded(sample: Sample) -> Found:
    """Look whether padding moves anything: on the right, and for what writes behind a text on the left."""
    backbone = sample.backbone
    body: Any = backbone.body if backbone.family.stacks != "encoder-decoder" else backbone.model.get_encoder()  # type: ignore[operator]
    sides, wrong = (("left", "right") if backbone.family.padding == "left" else ("right",)), []
    for side in sides:
        step = -1 if side == "left" else 1
        rows = [text[::step] for text in sample.texts]
        ids = pad(rows, backbone.padding, max(LENGTHS))[:, ::step].copy()
        mask = pad([np.ones_like(text) for text in rows], 0, max(LENGTHS))[:, ::step].copy()
        given = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if backbone.family.counts_positions:
            given["position_ids"] = (given["attention_mask"].cumsum(1) - 1).clamp(min=0)
        with torch.no_grad():
            states = body(**given).last_hidden_state
            for text, row, real in zip(sample.texts, states, given["attention_mask"], strict=True):
                alone = body(input_ids=_row(text)).last_hidden_state[0]
                wrong += _differ(f"padding on the {side} moves the states of a text", row[real == 1], alone)
    return Found(f"on the {' and on the '.join(sides)}: rows as they are alone", [*dict.fromkeys(wrong)][:2])


class Probe:
    """An adapter that rotates the values it is given by one, and notes their shape."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()

    def apply(self, hidden: Tensor, *_: Any) -> Tensor:
        """Return the values [batch, length, hidden] one dimension further on."""
        self.shape = tuple(hidden.shape)
        return hidden.roll(1, -1)

    def added(self, hidden: Tensor) -> Tensor:
        """Return the values [batch, length, hidden] one dimension further on."""
        return self.apply(hidden)


def _sites(sample: Sample) -> Found:
    """Look whether an adapter acts at every site, sees [batch, length, width] there, and leaves no trace."""
    backbone, seen, wrong = sample.backbone, 0, []
    plain = sample.read()
    for position in (EMBEDDINGS.position, *backbone.family.positions):
        sites = Sites(backbone.body, backbone.family, [position])
        for key in sites.keys:
            probe = Probe()
            with sites.using({key: probe}):
                moved = sample.read()
            seen += 1
            if not probe.shape or torch.equal(moved, plain):
                wrong.append(f"{position}: what acts there changes nothing in layer {key.layer}.")
            elif len(probe.shape) != 3 or probe.shape[-1] not in (backbone.hidden_size, backbone.embedded_size):
                wrong.append(
                    f"{position}: values have the shape {[*probe.shape]}, and not [batch, length, width]."
                )
        sites.remove()
    wrong += _differ("without sites", sample.read(), plain)
    return Found(f"{seen} sites act", [*dict.fromkeys(wrong)][:3])


def _tuned(sample: Sample, kind: str, options: dict[str, Any], task: str) -> Found:
    """Look whether a tuning learns: gradients, a lower loss, its number of parameters, the backbone given back."""
    plain = sample.read()
    method, batch, wrong = sample.method(kind, options, task), sample.batch(task), []
    method.keep()
    try:
        loss = method(batch)
        loss.backward()
        trained = method.trained()
        spared = {id(one) for one in method.drawn()} if kind != "pet-ft" else {id(one) for one in trained.values()}
        lost = [name for name, one in trained.items() if one.grad is None and id(one) not in spared]
        wrong += [f"{lost[0]} gets no gradient, and {len(lost) - 1} others."] if lost else []
        square = sum(float((one.grad**2).sum()) for one in trained.values() if one.grad is not None)
        if not np.isfinite([loss.item(), square]).all() or not square:
            wrong.append(f"the loss is {loss.item():g}, and the square of its gradient {square:g}.")
        else:
            gone = after = 0.0
            for share in _FALLS:
                with torch.no_grad():
                    for one in trained.values():
                        if one.grad is not None:
                            one.sub_(one.grad, alpha=(share - gone) * abs(loss.item()) / square)
                    gone, after = share, method(batch).item()
                if after < loss.item():
                    break
            if not after < loss.item():
                wrong.append(f"the loss goes from {loss.item():.6g} to {after:.6g} in a step along its gradient.")
        counted, wanted = method.counted(), _formula(sample.backbone, method, kind)
        if counted != wanted:
            wrong.append(f"it counts {counted:,} parameters, and by the configuration there are {wanted:,}.")
        with torch.no_grad():
            if not len(method.generate(batch, 2)):
                wrong.append("it answers nothing.")
    finally:
        method.remove()
        sample.backbone.model.zero_grad(set_to_none=True)
    wrong += _differ("taken off again", sample.read(), plain)
    return Found(f"{counted:,} parameters, loss {loss.item():.3g}", wrong)


def _formula(backbone: Backbone, method: Method, kind: str) -> int:
    """Return the number of parameters of a tuning by the numbers of the configuration."""
    config, hidden = backbone.model.config, backbone.hidden_size
    if kind == "pet-ft":
        return sum(p.numel() for p in {id(p): p for p in method.answering_root.parameters()}.values())
    if kind == "pet-lora":
        head = getattr(config, "head_dim", None) or getattr(config, "d_kv", None) or hidden // backbone.heads
        widths = head * (backbone.heads + backbone.key_heads)
        return sum(backbone.depths) * _RANK * (2 * hidden + widths)
    if kind == "pet-adapter":
        return len(method.sites.keys) * (2 * _WIDTH * hidden + _WIDTH + hidden)
    if kind == "pet-prompt":
        return _TOKENS * backbone.embedded_size
    if kind == "pet-bitfit":
        biased: list[Any] = [*backbone.biased().values()]  # T5's have none: something is added all the same
        return sum(len(one.weight if getattr(one, "bias", None) is None else one.bias) for one in biased)
    return _BUDGET

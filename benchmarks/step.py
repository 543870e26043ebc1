"""Seconds a training step: frozen backbone, own-weight adapters, Hyper-X Base, and Hyper-X in its published form.

    python benchmarks/step.py --conllu UD_Turkish-IMST/tr_imst-ud-train.conllu --threads 1
    python benchmarks/step.py --device cuda --conllu FILE --rounds 20 --json

A step is forward, backward, clipping and fused AdamW at mBERT's shape with random weights, on batches whose
lengths are those of real sentences (of the sandbox's English counterpart when no treebank is given) in tokens
of a WordPiece learned on the spot; the tokens themselves are random. Every variant is timed on the same batches in
one process, round by round and in turns, so that drift of the machine cancels in the ratios. A ratio of a batch
size or a treebank is not that of another: longer sentences favour Hyper-X, whose own work does not grow with them.
Before anything is timed, Hyper-X and its published form must give the same logits.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import typer
from rich.console import Console
from timing import Variant, measure, require_clock, summarise
from timing import show as show_times
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM

from hxbench.answering.answer import AnswerOptions, Condition
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import family_of
from hxbench.backbones.shape import shape_of
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.backbones.vocabularies import train_wordpiece
from hxbench.data.readers.conllu import read_conllu
from hxbench.data.sampling import pass_batches
from hxbench.data.tokens import align
from hxbench.errors import InputError
from hxbench.methods.hyperx import HyperX
from hxbench.methods.method import Method, Setup
from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.runs.assemble import build, with_options
from hxbench.spec import recipe
from hxbench.spec.backbone import Positive
from hxbench.tasks import MLM, task_of
from hxbench.tasks.encoding.batch import Batch, collate
from hxbench.tasks.encoding.masking import Masking, Vocabulary
from hxbench.training.device import keep_freed_memory
from hxbench.training.optimiser import adamw

FEW_LENGTHS = 32  # a compiled step is compiled once for each multiple of it
PUBLISHED_LENGTH = 256  # the published code pads every example to it
TOLERANCE = 1e-4  # of the logits' equality, in fp32 with logits of the order of 1
PAD, CLS, SEP, MASK = range(4)  # the backbone has random weights, so any four ids will do
LATER = ("hyperx-bf16-read", "hyperx-bf16-compiled")  # only when --only names them: they matter on a GPU
PROFILES = {"mbert": "paper", "tiny": "demo"}
RATIOS = [
    ("hyperx", "adapters"), ("hyperx", "frozen"), ("published", "hyperx"), ("published", "hyperx-bf16"),
    ("hyperx-bf16", "adapters-bf16"), ("hyperx", "hyperx-bf16"), ("mlm-everywhere", "mlm"),
    ("hyperx-bf16-read", "hyperx-bf16"), ("hyperx-bf16", "hyperx-bf16-compiled"),
]  # fmt: skip


class FrozenBody(Method):
    """(a) No adapters: gradients go through the whole backbone to its LayerNorms and heads, as in Hyper-X."""

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The LayerNorms."""
        return {"layer_norms": self.backbone.norms()}


class OwnAdapterOptions(AnswerOptions):
    """Size of the adapters."""

    bottleneck: Positive = 256


class OwnAdapters(FrozenBody):
    """(b) Bottleneck adapters at the sites of Hyper-X, each with weights of its own."""

    Options = OwnAdapterOptions
    roles = HyperX.roles

    def __init__(self, setup: Setup, options: OwnAdapterOptions) -> None:
        super().__init__(setup, options)
        width, size = options.bottleneck, self.backbone.hidden_size
        shapes = {"down": (width, size), "down_bias": (width,), "up": (size, width), "up_bias": (size,)}
        self.adapters = nn.ModuleList(
            nn.ParameterDict({name: nn.Parameter(0.01 * torch.randn(shape)) for name, shape in shapes.items()})
            for _ in self.sites.keys
        )

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the parameters themselves."""
        each = (BottleneckWeights(**dict(own)) for own in self.adapters)
        return dict(zip(self.sites.keys, each, strict=True))

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The adapters and the LayerNorms."""
        return {"adapters": list(self.adapters.parameters()), **super().parts()}


class LayerByLayer(HyperX):
    """(d) Hyper-X with the hypernetwork called once for every layer, sharing the parameters of `original`."""

    def __init__(self, original: HyperX) -> None:
        super().__init__(original.setup, original.options)
        self.embeddings, self.projector = original.embeddings, original.projector
        self.generator, self.answering = original.generator, original.answering

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights from products over one source each."""
        task, language = self.tasks.index(condition.task), self.languages.index(condition.language)
        generated = [
            self.generator(self.projector(self.embeddings(task, language)[layer : layer + 1])).unbind()[0]
            for layer in range(len(self.sites.keys))
        ]
        return dict(zip(self.sites.keys, generated, strict=True))


def padded(batch: Batch, length: int) -> Batch:
    """Return the batch padded to `length`; its targets are the same."""
    more = length - batch.input_ids.shape[1]
    if more < 0:
        raise ValueError(f"a batch of length {batch.input_ids.shape[1]} cannot be padded to {length}")
    row, column = batch.positions // batch.input_ids.shape[1], batch.positions % batch.input_ids.shape[1]
    return replace(
        batch,
        input_ids=nn.functional.pad(batch.input_ids, (0, more), value=PAD),
        attention_mask=nn.functional.pad(batch.attention_mask, (0, more)),
        positions=row * length + column,
    )


def everywhere(batch: Batch) -> Batch:
    """Return the batch with the head run over all positions; the loss ignores those that had no target."""
    targets = torch.full_like(batch.input_ids.flatten(), -100)
    targets[batch.positions] = batch.targets
    return replace(batch, positions=torch.arange(len(targets), device=targets.device), targets=targets)


def in_few_shapes(batch: Batch) -> Batch:
    """Return the batch padded to a multiple of `FEW_LENGTHS`, with the head run over all positions."""
    length = batch.input_ids.shape[1]
    return everywhere(padded(batch, -(-length // FEW_LENGTHS) * FEW_LENGTHS))


def first_rows(batch: Batch, rows: int = 2) -> Batch:
    """Return the first rows of a batch."""
    mine = batch.positions < rows * batch.input_ids.shape[1]
    return replace(
        batch,
        input_ids=batch.input_ids[:rows],
        attention_mask=batch.attention_mask[:rows],
        tasks=batch.tasks[:rows],
        positions=batch.positions[mine],
        targets=batch.targets[mine],
    )


def sentences(conllu: Path | None) -> list[list[str]]:
    """Return the sentences of a treebank file, or of the largest made-up treebank."""
    if conllu is not None:
        return [row["words"] for _, row in read_conllu(conllu)]
    from hxbench.sandbox import write_sandbox

    with tempfile.TemporaryDirectory() as folder:
        write_sandbox("multilingual", Path(folder))
        largest = max(Path(folder).glob("ud-2.7/*/*-train.conllu"), key=lambda path: path.stat().st_size)
        return [row["words"] for _, row in read_conllu(largest)]


def make_batches(
    corpus: list[list[str]], size: int, count: int, batch_size: int, vocabulary: Vocabulary, language: str
) -> tuple[list[tuple[Batch, Batch]], float]:
    """Return `count` (tagging, MLM) batches over the same rows, and the mean length of a row in tokens.

    They are taken from one pass of the package's sampler at even distances from its shortest to its longest batch,
    in an order that lets any few of them in a row span that range.
    """
    rng = np.random.default_rng(0)
    tokenizer = train_wordpiece((" ".join(words) for words in corpus), size)
    rows, tags = [], []
    for found, owners in align(tokenizer, corpus):
        owners = owners[: PUBLISHED_LENGTH - 2]
        ids = rng.integers(MASK + 1, vocabulary.size, len(found[: PUBLISHED_LENGTH - 2]))
        first = np.diff(np.array(owners, dtype=np.int64), prepend=-1) > 0
        label = np.where(first, rng.integers(0, len(task_of("pos").labels), len(owners)), -100)
        rows.append(np.concatenate([[CLS], ids, [SEP]]))
        tags.append(np.concatenate([[-100], label, [-100]]))
    lengths = np.array([len(row) for row in rows])
    full = [b for b in pass_batches(lengths, batch_size, rng, longest_first=False) if len(b) == batch_size]
    if not full:
        raise typer.BadParameter(f"the treebank holds fewer than {batch_size} sentences: no full batch.")
    full.sort(key=lambda chosen: int(lengths[chosen].max()))
    order = np.argsort(np.arange(1, count + 1) * 0.6180339887 % 1)  # the golden ratio spreads any prefix evenly
    places = (np.argsort(order) + 0.5) / count * len(full)
    made = []
    for chosen in (full[int(place)] for place in places):
        ids = [rows[i] for i in chosen]
        how: dict[str, Any] = {"padding": vocabulary.pad, "language": language}
        tagging = collate(ids, [tags[i] for i in chosen], task="pos", by_token=True, **how)
        made.append((tagging, collate(ids, Masking(vocabulary, 0.15, rng), task=MLM, **how)))
    return made, float(lengths.mean())


def make_variants(shape: str, device: torch.device) -> tuple[dict[str, Variant], Vocabulary]:
    """Return the variants, all on one backbone with random weights, and its vocabulary."""
    # a larger deviation than the paper's, so that the adapters matter to the logits that are compared
    spec = with_options(
        recipe.resolve(
            "hyperx-base", setting="multi", profile=PROFILES[shape], assignments=["options.initial_std=0.03"]
        )
    )
    form = shape_of(spec.backbone) if spec.backbone.pretrain else dict(spec.backbone.shape or {})
    config = AutoConfig.for_model(form.pop("model_type"), **form)
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(config, trust_remote_code=False)
    backbone = Backbone(model, None, family_of(config.model_type))
    hyperx = build(spec, backbone)
    assert isinstance(hyperx, HyperX)
    frozen = FrozenBody(hyperx.setup, FrozenBody.Options())
    own = OwnAdapterOptions(bottleneck=hyperx.options.bottleneck)
    adapters = OwnAdapters(hyperx.setup, own)
    published = LayerByLayer(hyperx)
    # Hyper-X last: what it trains of the shared backbone is what the others do, and the MLM head besides
    for method in (frozen, adapters, hyperx):
        method.freeze()
    for method in (frozen, adapters, hyperx, published):
        method.to(device).train()
    optimisers = {m: adamw(m.trained(), spec.training) for m in (frozen, adapters, hyperx)}

    def variant(about: str, method: Method, **others: Any) -> Variant:
        others.setdefault("sees", lambda pair: pair[0])
        return Variant(about, method, optimisers[hyperx if method is published else method], **others)

    def as_published(pair: tuple[Batch, Batch]) -> Batch:
        return padded(pair[0], PUBLISHED_LENGTH)

    variants = {
        "frozen": variant("(a) frozen backbone, no adapters", frozen),
        "adapters": variant("(b) adapters with own weights", adapters),
        "hyperx": variant("(c) Hyper-X Base", hyperx),
        "published": variant("(d) Hyper-X, layer by layer, padded to 256", published, sees=as_published),
        "frozen-bf16": variant("(a) in bf16", frozen, bf16=True),
        "adapters-bf16": variant("(b) in bf16", adapters, bf16=True),
        "hyperx-bf16": variant("(c) in bf16", hyperx, bf16=True),
        "hyperx-bf16-read": variant("(c) in bf16, the loss read every step", hyperx, bf16=True, reads_loss=True),
        "hyperx-bf16-compiled": variant(
            "(c) in bf16, compiled for few lengths",
            hyperx,
            bf16=True,
            forward=compiled(hyperx, device),
            sees=lambda pair: in_few_shapes(pair[0]),
        ),
        "mlm": variant("(c) on MLM, head at masked positions", hyperx, sees=lambda pair: pair[1]),
        "mlm-everywhere": variant(
            "(c) on MLM, head at all positions", hyperx, sees=lambda pair: everywhere(pair[1])
        ),
    }
    return variants, Vocabulary(config.vocab_size, PAD, MASK, (PAD, CLS, SEP, MASK))


def compiled(method: HyperX, device: torch.device) -> Any:
    """Return the method compiled, on a GPU into CUDA graphs; nothing is compiled before the first batch."""
    mode = "reduce-overhead" if device.type == "cuda" else "default"
    return torch.compile(method, dynamic=False, mode=mode)


def logit_difference(ours: Variant, published: Variant, pair: tuple[Batch, Batch]) -> tuple[float, float]:
    """Return the largest difference of the two variants' logits, and how far the adapters move the logits."""
    with torch.no_grad():
        for variant in (ours, published):
            variant.method.eval()
        assert isinstance(ours.method, Method)
        assert isinstance(published.method, Method)
        expected = ours.method.logits(ours.sees(pair))
        found = published.method.logits(published.sees(pair))
        with without_adapters(ours.method):
            plain = ours.method.logits(ours.sees(pair))
        for variant in (ours, published):
            variant.method.train()
    return float((expected - found).abs().max()), float((expected - plain).abs().max())


@contextmanager
def without_adapters(method: Method) -> Iterator[None]:
    """Let a method's sites be the identity inside the block."""
    method.weights = lambda condition: {}  # type: ignore[method-assign]
    try:
        yield
    finally:
        del method.weights  # type: ignore[method-assign]


def show(found: Mapping[str, Any], variants: Mapping[str, Variant]) -> None:
    """Print what was found as two tables."""
    console = Console(width=100, highlight=False)
    given = found["settings"]
    console.print(
        f"{given['shape']} shape on {given['device']}, {given['threads']} threads, torch {found['torch']}; batch "
        f"{given['batch_size']}, rows of {found['tokens_a_row']:.1f} tokens on average,\nbatches padded to "
        f"{', '.join(map(str, found['padded_lengths']))}. {given['clock']} clock."
    )
    console.print(
        f"(c) and (d) give equal logits: largest difference {found['logit_difference']:.1e}, where the adapters "
        f"move them by {found['adapters_move_logits']:.2g}."
        if found["logit_difference"] is not None
        else "Logits of (c) and (d) were not compared: only one of them ran."
    )
    show_times(console, found, variants)


app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)


@app.command()
def main(
    conllu: Annotated[Path | None, typer.Option(help="A CoNLL-U file for the lengths [default: sandbox].")] = None,
    shape: Annotated[Literal["mbert", "tiny"], typer.Option(help="Of the backbone and Hyper-X.")] = "mbert",
    device: Annotated[Literal["cpu", "cuda"], typer.Option()] = "cpu",
    rounds: Annotated[int, typer.Option(min=1, help="Every round times every variant once.")] = 6,
    warmup: Annotated[int, typer.Option(min=0, help="Untimed rounds before, on the longest batch.")] = 1,
    repeat: Annotated[int, typer.Option(min=0, help="Batches timed together [default: 1, cuda 8].")] = 0,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    threads: Annotated[int, typer.Option(min=0, help="Of the CPU; 0 leaves torch's choice.")] = 0,
    vocabulary_size: Annotated[
        int, typer.Option("--vocabulary", min=100, help="Size of the WordPiece the lengths come from.")
    ] = 7000,
    only: Annotated[
        str, typer.Option(help="Variants, separated by commas [default: all but those for a GPU].")
    ] = "",
    clock: Annotated[
        Literal["wall", "cpu"], typer.Option(help="cpu: processor time, for a machine shared with other work.")
    ] = "wall",
    keep_memory: Annotated[bool, typer.Option(help="On a CPU, keep freed memory as training does.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure seconds a training step of Hyper-X and of what it is compared with."""
    require_clock(device, clock)
    if device == "cpu" and keep_memory:
        keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    repeat = repeat or (8 if device == "cuda" else 1)
    place = torch.device(device)
    variants, vocabulary = make_variants(shape, place)
    wanted = only.split(",") if only else [key for key in variants if key not in LATER]
    if unknown := set(wanted) - variants.keys():
        raise typer.BadParameter(f"no variant {sorted(unknown)[0]!r} (known: {', '.join(variants)}).")
    language = variants["hyperx"].method.languages[0]
    made, mean = make_batches(
        sentences(conllu), vocabulary_size, rounds * repeat, batch_size, vocabulary, language
    )
    batches = [(tagging.to(place), mlm.to(place)) for tagging, mlm in made]
    variants = {key: variant for key, variant in variants.items() if key in wanted}
    difference: tuple[float | None, float | None] = (None, None)
    if {"hyperx", "published"} <= variants.keys():
        difference = logit_difference(variants["hyperx"], variants["published"], batches[0])
        if not difference[0] <= TOLERANCE:
            raise SystemExit(f"(c) and (d) give different logits: by {difference[0]:.2e}. Nothing was timed.")
    progress = Console(stderr=True)
    longest = max(batches, key=lambda pair: pair[0].input_ids.shape[1])
    for done in measure(
        variants, batches, warmup=warmup, repeat=repeat, longest=longest, shortened=first_rows,
        on_gpu=device == "cuda",
    ):  # fmt: skip
        progress.print(f"round {done} of {rounds}", style="dim")
    settings = {
        "shape": shape, "device": torch.cuda.get_device_name() if device == "cuda" else "cpu", "clock": clock,
        "threads": torch.get_num_threads(), "batch_size": batch_size, "rounds": rounds, "repeat": repeat,
        "warmup": warmup, "keep_memory": keep_memory, "vocabulary": vocabulary_size,
        "conllu": conllu.name if conllu else None,
    }  # fmt: skip
    found = {
        "settings": settings,
        "torch": torch.__version__,
        "tokens_a_row": mean,
        "padded_lengths": [batch.input_ids.shape[1] for batch, _ in batches],
        "logit_difference": difference[0],
        "adapters_move_logits": difference[1],
        "seconds": {key: {"wall": variant.wall, "cpu": variant.cpu} for key, variant in variants.items()},
        **summarise(variants, clock, RATIOS),
    }
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        show(found, variants)


if __name__ == "__main__":
    try:
        app()
    except InputError as error:
        raise SystemExit(f"step.py: {error}") from None

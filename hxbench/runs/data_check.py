"""What a user's own data hold, and what is odd about them, looked at before anything is trained.

What is wrong with a file is an `InputError` of its reader. What is only odd is a remark: a label that only the
test set has, texts that two splits share, a language without a labelled source.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hxbench.closed import validated
from hxbench.data import SPLITS, Corpora
from hxbench.data.splits import TooFew
from hxbench.printing import shortened
from hxbench.runs.backbone import get_backbone
from hxbench.runs.inputs import DataSource
from hxbench.runs.prepare import Report, make_backbone
from hxbench.spec import recipe
from hxbench.spec.run_spec import DataSpec, tagging_tasks
from hxbench.spec.settings import PARTITIONS, Pair, source_pairs, target_pairs, text_pairs
from hxbench.tasks import MLM, TAGGING, Task, task_of
from hxbench.tasks.data_file import read_data_file
from hxbench.tasks.description import Described
from hxbench.tasks.task import TEXTS

_NAMED = 5  # in a remark


@dataclass(frozen=True)
class Held:
    """What one pair holds: rows by split, the labels of each, and how it meets a tokenizer."""

    pair: Pair
    rows: dict[str, int]
    labels: dict[str, Counter[str]]  # by split, how often each is there; nothing of text without labels
    shared: dict[str, int]  # by two splits (`train and test`), the texts of the second that are in the first
    limit: int = 0  # rows of more tokens than a run's max_length
    unknown: float | None = None  # share of tokens that the tokenizer does not know


@dataclass(frozen=True)
class Setting:
    """What one setting trains on, and scores."""

    name: str
    sources: tuple[Pair, ...]
    targets: tuple[Pair, ...]


@dataclass
class Checked:
    """Everything that was found."""

    held: list[Held] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def opened(
    file: Path,
    profile: str,
    backbone_name: str | None,
    report: Report,
    *,
    data_source: str | None = None,
    offline: bool,
) -> tuple[Corpora, DataSpec, Any]:
    """Return the corpora that a file describes, the data of a run on them, and a backbone's tokenizer, if named.

    What ships is among them where a `data_source` of it is named.
    """
    own = read_data_file(file)
    ground = own.described.extends or (TAGGING if tagging_tasks(own.described) else "pha")
    on = recipe.OnGround(profile, own=own)
    fields = recipe.scale(on, ground).data
    if data_source:
        source = DataSource.of(data_source, on, fields)
    else:
        source = DataSource("hub" if own.described.extends else "mirror", None, own)
    data = validated(DataSpec, {**fields, "origin": source.kind}, f"profile {profile}")
    corpora = source.corpora(data, offline=offline)
    if backbone_name is None:
        return corpora, data, None
    backbone = make_backbone(recipe.backbone(backbone_name), corpora, report)
    return corpora, data, get_backbone(backbone, offline=offline).tokenizer


def check_data(
    corpora: Corpora, data: DataSpec, tokenizer: Any, report: Report, *, ships: bool = False
) -> Checked:
    """Return what the corpora of a description hold; `tokenizer` is None where none was named.

    With `ships` their test sets are also looked for in the training sets that ship.
    """
    described = data.described
    assert described is not None
    found, pairs = Checked(), [Pair(*pair) for pair in described.pairs]
    for done, pair in enumerate(pairs):
        report("read", done, len(pairs))
        try:
            found.held.append(_held(corpora, data, pair, tokenizer))
        except TooFew as few:
            if few.size == few.fitting:
                raise
            found.remarks.append(
                f"{pair}: without a dev file {few.held_out:,} of its {few.size:,} training examples would become "
                "the development set: give it one, or train with --set "
                f"data.dev_from_train={few.fitting}, as is counted here."
            )
            fitting = data.model_copy(update={"dev_from_train": few.fitting})
            found.held.append(_held(Corpora(corpora.origin, fitting, corpora.own), data, pair, tokenizer))
    found.settings = list(_settings(data, corpora if ships else None))
    found.remarks += remarks(described, found.held)
    if ships:
        found.remarks += _trained_on_elsewhere(corpora, described)
    labelled = {pair.language for pair in pairs if pair.task != MLM}
    idle = [code for code in described.languages if code not in labelled]
    found.remarks += [f"{code} is described, and no labelled corpus is in it." for code in idle]
    return found


def remarks_on(
    corpora: Corpora, described: Described, read: Iterable[tuple[str, str]], *, reads_text: bool
) -> Iterator[str]:
    """Yield a sentence for everything odd about those of a description's corpora that are `read`, by pair.

    Raw text matters where it is read beside them.
    """
    pairs = [Pair(*pair) for pair in described.pairs if pair in {*read}]
    return remarks(described, [_held(corpora, None, pair, None) for pair in pairs], reads_text=reads_text)


def remarks(described: Described, every: Sequence[Held], *, reads_text: bool = True) -> Iterator[str]:
    """Yield a sentence for everything about corpora of a description that is odd."""
    trained: dict[str, set[str]] = {}
    for one in every:
        if one.pair.language in described.sources.get(one.pair.task, ()):
            trained.setdefault(one.pair.task, set()).update(one.labels.get("train", ()))
    for one in every:
        yield from _of_pair(one, trained.get(one.pair.task, set()), own=one.pair.task in described.tasks)
    sources = {code for codes in described.sources.values() for code in codes}
    tagged = {code for task, code in described.pairs if task_of(task).type == "tagging"}
    for code in described.languages if reads_text else ():
        if code in tagged - sources and (MLM, code) not in described.pairs:
            yield (
                f"{code} has no raw text (task mlm): where it has no labels to learn from, Hyper-X's embedding of "
                "it stays random (eval --embedding composes one), and MAD-X leaves it out."
            )


def _trained_on_elsewhere(corpora: Corpora, described: Described) -> Iterator[str]:
    """Yield a sentence for every test set of which texts are in a training set that ships, of any language."""
    own = [Pair(*pair) for pair in described.pairs]

    def texts(pair: Pair, split: str) -> Any:
        return _texts(task_of(pair.task), corpora.load(*pair, split).data.table)

    for task in dict.fromkeys(pair.task for pair in own if pair.task not in {MLM, *described.tasks}):
        tested = {p: texts(p, "test") for p in own if p.task == task and "test" in corpora.splits(*p)}
        for ships in (Pair(task, code) for code in corpora.languages):
            if ships in own or "train" not in corpora.splits(*ships):
                continue
            trained = texts(ships, "train")
            for pair, some in tested.items():
                if count := _within(trained, some):
                    where = f"{'are' if count > 1 else 'is'} in the training set of {ships}, which ships"
                    yield f"{pair}: {count} of {len(some)} texts of test {where}."


def _of_pair(one: Held, trained: set[str], *, own: bool) -> Iterator[str]:
    known = set(one.labels.get("train", ())) or trained
    for split in ("dev", "test"):
        if lost := sorted(set(one.labels.get(split, ())) - known) if known else []:
            yield f"{one.pair}: {_named(lost)} of {split} {_is(lost)} in no training set, and can never be right."
    # of a task that ships a treebank may well lack some
    if own and one.labels.get("train") and (unused := sorted(set(task_of(one.pair.task).labels) - known)):
        yield f"{one.pair}: {_named(unused)} of the task {_is(unused)} not in its training set."
    for both, count in one.shared.items():
        if count:
            first, _, second = both.partition(" and ")
            verb = "are" if count > 1 else "is"
            yield f"{one.pair}: {count} of {one.rows[second]} texts of {second} {verb} in {first}, too."


def _named(labels: Sequence[str]) -> str:
    shown = ", ".join(shortened(label, 30) for label in labels[:_NAMED])
    more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
    return f"label{'s' * (len(labels) > 1)} {shown}{more}"


def _is(labels: Sequence[str]) -> str:
    return "are" if len(labels) > 1 else "is"


def _held(corpora: Corpora, data: DataSpec | None, pair: Pair, tokenizer: Any) -> Held:
    task, rows, labels = task_of(pair.task), {}, {}
    texts: dict[str, Any] = {}
    for split in (one for one in SPLITS if one in corpora.splits(*pair)):
        table = corpora.load(*pair, split).data.table
        rows[split] = len(table)
        texts[split] = _texts(task, table)
        if task.labels:
            labels[split] = _labels(task, table)
    two = [(a, b) for a in texts for b in texts if SPLITS.index(a) < SPLITS.index(b)]
    shared = {f"{a} and {b}": _within(texts[a], texts[b]) for a, b in two}
    limit, unknown = (0, None) if tokenizer is None or data is None else _tokens(texts, tokenizer, data.max_length)
    return Held(pair, rows, labels, shared, limit, unknown)


def _within(some: Any, others: Any) -> int:
    """Return how many of the other texts are among some, both a column."""
    from pyarrow import compute

    return compute.sum(compute.is_in(others, value_set=some)).as_py() or 0


def _texts(task: Task, table: Any) -> Any:
    """Return the texts of an Arrow table in one column, where millions are compared in a second."""
    from pyarrow import compute

    if task.type == "masked-lm":
        return table["text"]
    return compute.binary_join(table["fields" if task.answers_texts else "words"], "\n")


def _labels(task: Task, table: Any) -> Counter[str]:
    from pyarrow import compute

    labels = table["target"] if task.answers_texts else compute.list_flatten(table["tags"])
    counts = compute.value_counts(labels).to_pylist()
    return Counter({task.labels[int(one["values"])]: one["counts"] for one in counts})


def _tokens(texts: Mapping[str, Any], tokenizer: Any, longest: int) -> tuple[int, float]:
    """Return how many texts have more tokens than a run takes, and which share of all tokens is unknown."""
    every = [text.replace("\n", " ") for of in texts.values() for text in of.to_pylist()]
    ids = tokenizer(every, add_special_tokens=True)["input_ids"] if every else []
    count = sum(map(len, ids))
    unknown = sum(one.count(tokenizer.unk_token_id) for one in ids) if tokenizer.unk_token_id is not None else 0
    return sum(len(one) > longest for one in ids), unknown / count if count else 0.0


def _settings(data: DataSpec, corpora: Corpora | None) -> Iterator[Setting]:
    """Yield what each setting trains on and scores: as the paper has it, or of what there is in `corpora`."""
    for one in _as_planned(data):
        if corpora is None:
            yield one
        else:
            there = [
                tuple(pair for pair in pairs if split in corpora.splits(*pair))
                for pairs, split in ((one.sources, "train"), (one.targets, "test"))
            ]
            yield Setting(one.name, *there)


def _as_planned(data: DataSpec) -> Iterator[Setting]:
    described = data.described
    assert described is not None
    words = described.tasks_of("tagging")
    for task in words:
        yield _of_words(f"single, {task}", "single", task, None, data)
    if words:
        yield _of_words("multi", "multi", None, None, data)
    sides = [side for side in PARTITIONS if described.extends or side in described.partitions]
    for side in sides if words else ():
        yield _of_words(f"mixed, partition {side}", "mixed", None, side, data)
    for task in described.tasks_of(*TEXTS):
        pairs = text_pairs([task], data)
        sources = described.sources.get(task) or [pair.language for pair in pairs]
        yield Setting(f"single, {task}", tuple(p for p in pairs if p.language in sources), tuple(pairs))


def _of_words(name: str, setting: str, task: str | None, side: str | None, data: DataSpec) -> Setting:
    return Setting(
        name, tuple(source_pairs(setting, task, side, data)), tuple(target_pairs(setting, task, data))
    )  # fmt: skip

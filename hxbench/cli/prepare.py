"""`hxbench prepare`: data and backbone."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench.cli import options
from hxbench.cli.output import print_json, print_rows
from hxbench.cli.progress import progress
from hxbench.errors import InputError, did_you_mean
from hxbench.printing import grouped

if TYPE_CHECKING:
    from hxbench.runs.prepare import Prepared
    from hxbench.spec.languages import Language
    from hxbench.tasks.description import Described


_FIRST = {
    "hyperx": ["hyperx-base", "--setting", "mixed"], "pha": ["pha", "--suite", "glue"],
    "pet": ["pet-lora", "--task", "sst2"],
}  # fmt: skip


def prepare_command(
    corpora: Annotated[
        list[str] | None,
        typer.Argument(
            help="Corpora to prepare (hxbench list corpora); default: all of a paper, and its backbone."
        ),
    ] = None,
    paper: Annotated[str, typer.Option(help="Whose corpora and backbone: hyperx, pha or pet.")] = "hyperx",
    profile: options.Profile = "demo",
    own_data: options.OwnData = None,
    data_source: options.DataSource = None,
    backbone: options.BackboneName = None,
    variant: Annotated[str, typer.Option(hidden=True)] = "paper",
    offline: options.Offline = False,
    as_json: options.Json = False,
) -> None:
    """Read, check and tokenise the corpora of a profile, and make or fetch its backbone."""
    from hxbench.api import on_ground
    from hxbench.closed import validated
    from hxbench.data.collection import collection_of
    from hxbench.runs import inputs, prepare
    from hxbench.spec import recipe
    from hxbench.spec.run_spec import DataSpec

    if paper not in recipe.papers():
        raise InputError(did_you_mean("paper", paper, recipe.papers()))
    ground = on_ground(profile, own_data)
    scale = recipe.scale(ground, paper)
    data = validated(DataSpec, scale.data, f"profile {profile}")
    source = inputs.DataSource.of(data_source, ground, scale.data)
    data = data.model_copy(update={"origin": source.kind})
    tasks = collection_of(data, source.kind).tasks_of(corpora or [], paper)
    wanted = recipe.backbone(backbone or scale.backbone)
    with progress() as tell:
        report = partial(tell, None)
        opened = source.corpora(data, offline=offline)
        missing = prepare.fetch(tasks, opened, report)
        prepared = prepare.read(tasks, opened, report)
        counts = {}
        if not corpora:
            made = prepare.make_backbone(wanted, opened, report)
            counts = prepare.tokenise(prepared, opened, data, made, report, offline=offline)
    source.remember(profile, data.collection)
    place = str(source.folder or source.kind)
    if as_json:
        pairs = {str(one.pair): one.sentences for one in prepared}
        print_json(
            {"profile": profile, "source": place, "pairs": pairs, "missing": list(map(str, missing)), **counts}
        )
        return
    in_one_language = len(opened.languages) == 1
    what = "examples" if in_one_language else "sentences"
    print(f"Prepared from {place} (profile {profile}), {what} train/dev/test:\n")
    by = _by_task(tasks, prepared) if in_one_language else _by_language(tasks, opened.languages, prepared)
    print_rows(by, as_json=False)
    print()
    if missing:
        lacking = grouped((pair.task, pair) for pair in missing)
        print(f"Not in this data source, left out of training and averages: {lacking}.")
    if unread := opened.unread():
        print(unread)
    if counts:
        print(_fate(counts, data.max_length))
    first = _first_of(source.own.described, paper) if source.own else []
    given = {
        "--profile": "" if profile == "demo" else profile, "--data": own_data, "--data-source": data_source,
        "--backbone": backbone,
    }  # fmt: skip
    repeated = [word for name, value in given.items() if value for word in (name, str(value))]
    command = ["hxbench", "train", *(first or _FIRST[paper]), *repeated, *(["--offline"] if offline else [])]
    print(f"Next: {shlex.join(command)}", file=sys.stderr)


def _first_of(described: "Described", paper: str) -> list[str]:
    """Return what can be trained on a user's own tasks alone; nothing where they add to what ships."""
    from hxbench.tasks.task import TEXTS

    if described.extends:
        return []
    if described.tasks_of("tagging"):
        return ["hyperx-base", "--setting", "mixed" if described.partitions else "multi"]
    method = {"pha": "adapter", "pet": "pet-lora"}.get(paper, "lora")
    return [method, "--setting", "single", "--task", *described.tasks_of(*TEXTS)[:1]]


def _fate(counts: Mapping[str, Any], longest: int) -> str:
    """Return what became of texts and sentences of more than the `longest` number of tokens."""
    if "cut" in counts:
        kind, some, whole = "", counts["cut"], "every text fits"
        fate = f"{some} texts of more than {longest} tokens are cut"
    else:
        kind, some, whole = "word ", counts["tagged_rows"] - counts["tagged_sentences"], "every sentence fits"
        fate = f"{some} windows were cut from sentences longer than {longest}, no word is lost"
    return f"Tokenised with {counts['vocabulary']:,} {kind}tokens; {fate if some else whole}."


def _by_language(
    tasks: Sequence[str], languages: "Mapping[str, Language]", prepared: "Sequence[Prepared]"
) -> list[dict[str, Any]]:
    """Return a row a language with the sizes of its corpora."""
    from hxbench.spec.settings import Pair
    from hxbench.tasks import task_of

    sizes = {one.pair: one.sentences for one in prepared}
    rows = []
    for code, language in languages.items():
        row = {"language": language.label}
        for task in tasks:
            found = sizes.get(Pair(task, code), {})
            splits = ("train",) if task == "mlm" else ("train", "dev", "test")
            shown = "/".join(str(found.get(split, "–")) for split in splits)
            row[f"{task_of(task).corpus} ({task})"] = shown if found else "lacking"
        rows.append(row)
    return rows


def _by_task(tasks: Sequence[str], prepared: "Sequence[Prepared]") -> list[dict[str, Any]]:
    """Return a row a task with the sizes of its splits."""
    sizes = {one.pair.task: one.sentences for one in prepared}
    rows = []
    for task in tasks:
        found = sizes.get(task, {})
        counts: dict[str, Any] = {split: found.get(split, "–") for split in ("train", "dev", "test")}
        rows.append({"task": "raw text" if task == "mlm" else task, **counts})
    return rows

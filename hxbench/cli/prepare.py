"""`hxbench prepare`: data and backbone."""

import sys
from typing import Annotated

import typer

from hxbench.cli import options


def prepare_command(
    corpora: Annotated[
        list[str] | None,
        typer.Argument(help="Corpora to prepare: ud, wikiann, text; default: all, and the backbone."),
    ] = None,
    profile: options.Profile = "demo",
    data_source: options.DataSource = None,
    backbone: options.BackboneName = None,
    variant: Annotated[str, typer.Option(hidden=True)] = "paper",
    offline: options.Offline = False,
    as_json: options.Json = False,
) -> None:
    """Read, check and tokenise the corpora of a profile, and make or fetch its backbone."""
    from hxbench import recipe
    from hxbench.cli.progress import progress
    from hxbench.cli.rows import print_rows
    from hxbench.corpora.schema import CORPUS_OF_TASK
    from hxbench.settings import Pair
    from hxbench.spec import DataSpec, validated
    from hxbench.stages import inputs, prepare

    scale: recipe.ProfileRecipe = recipe.load("profiles", profile)
    data = validated(DataSpec, scale.data, f"profile {profile}")
    source = inputs.DataSource.choose(data_source, profile, data.origin)
    data = data.model_copy(update={"origin": source.kind})
    tasks = prepare.tasks_of(corpora or [])
    wanted = recipe.backbone(backbone or scale.backbone)
    with progress() as tell:

        def report(what: str, done: int, total: int | None) -> None:
            tell(None, what, done, total)

        opened = source.corpora(data, offline=offline)
        missing = prepare.fetch(tasks, opened, report)
        prepared = prepare.read(tasks, opened, report)
        counts = {}
        if not corpora:
            body = prepare.make_backbone(wanted, opened, report)
            counts = prepare.tokenise(prepared, opened, data, body, report, offline=offline)
    source.remember(profile)
    place = str(source.folder or source.kind)
    if as_json:
        import json

        pairs = {str(one.pair): one.sentences for one in prepared}
        print(
            json.dumps(
                {"profile": profile, "source": place, "pairs": pairs, "missing": list(map(str, missing)), **counts}
            )
        )
        return
    sizes = {one.pair: one.sentences for one in prepared}
    rows = []
    for code, language in opened.languages.items():
        row = {"language": language.label}
        for task in tasks:
            found = sizes.get(Pair(task, code), {})
            splits = ("train",) if task == "mlm" else ("train", "dev", "test")
            counts_shown = "/".join(str(found.get(split, "–")) for split in splits)
            row[f"{CORPUS_OF_TASK[task]} ({task})"] = counts_shown if found else "lacking"
        rows.append(row)
    print(f"Prepared from {place} (profile {profile}), sentences train/dev/test:\n")
    print_rows(rows, as_json=False)
    print()
    if missing:
        print(f"Not in this data source, left out of training and averages: {', '.join(map(str, missing))}.")
    if counts:
        extra = counts["tagged_rows"] - counts["tagged_sentences"]
        fate = f"{extra} windows were cut from sentences longer than {data.max_length}, no word is lost"
        print(f"Tokenised with {counts['vocabulary']:,} word pieces; {fate if extra else 'every sentence fits'}.")
    ending = "" if profile == "demo" else f" --profile {profile}"
    print(f"Next: hxbench train hyperx-base --setting mixed{ending}", file=sys.stderr)

"""`hxbench list`: what can be named on the command line."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from hxbench.cli import options
from hxbench.cli.output import WIDTH, print_rows

list_app = typer.Typer(no_args_is_help=True, help="List methods, recipes, languages, tasks, corpora and the like.")

Rows = Iterable[dict[str, Any]]


def _methods() -> Rows:
    from hxbench.spec import recipe

    for name in recipe.recipe_names("methods"):
        found = recipe.load("methods", name)
        variants = ["paper", *found.variants]
        yield {"name": name, "paper": found.paper, "settings": list(found.settings), "variants": variants,
               "about": found.about}  # fmt: skip


def _matrix() -> Rows:
    from hxbench.answering import COLUMNS
    from hxbench.methods import kinds, method_class

    for kind in kinds():
        refusal = method_class(kind).refusal
        yield {"kind": kind, **{column: refusal({}, *both) or "works" for column, both in COLUMNS.items()}}


def _print_peft(as_json: bool) -> None:
    from importlib.metadata import version

    from hxbench.methods.peft_options import is_of_this_version, table

    found = table()
    if not is_of_this_version():
        print(f"The table is of peft {found.peft}, and {version('peft')} is installed.", file=sys.stderr)
    answers = {name: tried.answers for name, tried in found.types.items()}
    if as_json:
        print_rows([{"type": name, **cells} for name, cells in answers.items()], as_json)
        return
    reasons: dict[str, list[str]] = {}
    for name, cells in answers.items():
        for reason in {*cells.values()} - {"works"}:
            reasons.setdefault(reason, []).append(name)
    rows = [{"type": name, **dict(_by_answering(cells))} for name, cells in answers.items()]
    print_rows(rows, as_json, width=80)
    print()
    for said, names in reasons.items():
        print(f"{said}: {', '.join(names)}")


def _by_answering(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield modes of answering with whether they work: yes, no, or on which stacks of backbones alone."""
    from hxbench.answering import ANSWERINGS, COLUMNS

    for mode in ANSWERINGS:
        stacks = {stacks: cells[column] == "works" for column, (one, stacks) in COLUMNS.items() if one == mode}
        able = [name for name, works in stacks.items() if works]
        yield mode, "works" if len(able) == len(stacks) else f"on {', '.join(able)}" if able else "no"


def _variants() -> Rows:
    from hxbench.spec import recipe

    for paper in recipe.recipe_names("variants"):
        found: recipe.VariantRecipe = recipe.load("variants", paper)
        for trait in found.changes:
            yield {"paper": paper, "the published code": trait.what, "--variant code": list(trait.fields)}
        for trait in found.leaves:
            by_hand = f"left: --set {' --set '.join(trait.set)}" if trait.set else "left"
            yield {"paper": paper, "the published code": trait.what, "--variant code": by_hand}


def _recipes() -> Rows:
    from hxbench.spec import recipe

    for paper in recipe.papers():
        for name in recipe.recipe_names(paper):
            found = recipe.load(paper, name)
            yield {"name": f"{paper}/{name}", "sweep": found.sweep or None, "artifacts": list(found.artifacts),
                   "about": found.about}  # fmt: skip


def _profiles() -> Rows:
    from hxbench.spec import recipe

    for name in recipe.recipe_names("profiles"):
        backbones = dict.fromkeys(recipe.scale(name, paper).backbone for paper in recipe.papers())
        found = recipe.load("profiles", name)
        yield {"name": name, "backbones": list(backbones), "seeds": list(found.seeds), "about": found.about}


def _backbones() -> Rows:
    from hxbench.spec import recipe

    for name in recipe.recipe_names("backbones"):
        found = recipe.load("backbones", name)
        shape = found.shape or (found.pretrain.model_dump() if found.pretrain else {})
        layers, hidden = (next((shape[key] for key in keys if key in shape), None) for keys in _SHAPE)
        if (decoder := shape.get("num_decoder_layers")) not in (None, layers):
            layers = f"{layers}+{decoder}"
        yield {"name": name, "family": found.family or None, "origin": found.origin,
               "licence": found.licence or None, "layers": layers, "hidden": hidden}  # fmt: skip


def _families() -> Rows:
    from hxbench.answering import ways_of
    from hxbench.spec import recipe

    for name in recipe.recipe_names("families"):
        found = recipe.load("families", name)
        ways = [kind.name for kind in ways_of(found.stacks)]
        yield {"name": name, "title": found.title, "consists of": found.stacks, "answers by": ways}


_SHAPE = (("layers", "num_hidden_layers", "num_layers", "n_layer"), ("hidden", "hidden_size", "d_model"))


def _languages() -> Rows:
    from hxbench.spec.languages import language_set

    for origin in ("hyperx", "sandbox"):
        for one in language_set(origin).values():
            yield {"code": one.code, "name": one.name, "group": one.group, "family": one.family,
                   "script": one.script, "like": one.paper_code, "treebank": one.treebank,
                   "wikiann": one.wikiann}  # fmt: skip


def _corpora() -> Rows:
    from hxbench.tasks import task_of, tasks_in, text_tasks
    from hxbench.tasks.task import METRIC_TITLES

    about = {
        "ner": "WikiANN, the balanced splits of Rahimi et al. 2019", "pos": "Universal Dependencies 2.7, UPOS",
        "mlm": "raw text of Wikipedia",
    }  # fmt: skip
    for one in map(task_of, (*tasks_in("hyperx"), *text_tasks())):
        papers = [name for name in ("PHA", "PET") if one.name in tasks_in(name.lower())]
        yield {"name": one.suite if one.answers_texts else one.corpus, "task": one.name,
               "labels": len(one.labels) or None,
               "metric": ", ".join(METRIC_TITLES[metric] for metric in one.metrics) or "–",
               "about": about.get(one.name, f"{one.title}, as text ({', '.join(papers)})")}  # fmt: skip


def _tasks() -> Rows:
    from hxbench.tasks import SUITES, collections, task_names, task_of, tasks_in

    spelled_out = {"ner": "named entities", "pos": "parts of speech"}
    for one in map(task_of, task_names()):
        if one.metrics:
            yield {"name": one.name, "title": spelled_out.get(one.name, one.title),
                   "suite": one.suite if one.suite in SUITES else None,
                   "papers": [paper for paper in collections() if one.name in tasks_in(paper)], "kind": one.type,
                   "metric": one.metric, "labels": list(one.labels)}  # fmt: skip


def _artifacts() -> Rows:
    from hxbench.report import ARTIFACTS

    for paper, known in ARTIFACTS.items():
        for name, artifact in known.items():
            yield {"name": name, "paper": paper, "title": artifact.title}


_KINDS: dict[str, tuple[Callable[[], Rows], str]] = {
    "variants": (_variants, "What --variant code changes and leaves, by paper."),
    "recipes": (_recipes, "Experiments: the runs an artifact needs."),
    "languages": (_languages, "The paper's sixteen languages and their sandbox counterparts."),
    "tasks": (_tasks, "What --task takes: the tasks of all papers, with their metrics and labels."),
    "corpora": (_corpora, "What is trained on and scored."),
    "artifacts": (_artifacts, "Tables and figures that can be rebuilt."),
    "backbones": (_backbones, "Pre-trained transformers with a recipe; hub names and folders work too."),
    "families": (_families, "Known architectures of backbones, by the model_type of config.json."),
    "profiles": (_profiles, "The scales everything is run at."),
}


def _add(kind: str, rows: Callable[[], Rows], about: str) -> None:
    @list_app.command(kind, help=about)
    def command(as_json: options.Json = False) -> None:
        print_rows(rows(), as_json, width=80 if kind == "backbones" else WIDTH)


@list_app.command("methods", help="What can be trained, or with what heads and backbones each method works.")
def methods(
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Print which mode of answering each kind works with.")
    ] = False,
    peft: Annotated[bool, typer.Option("--peft", help="The same for each type of peft (kind peft).")] = False,
    as_json: options.Json = False,
) -> None:
    """List the recipes of methods, or how each kind of method or type of peft can answer."""
    if matrix and peft:
        raise typer.BadParameter("--matrix and --peft are two tables: give one of them.")
    if peft:
        _print_peft(as_json)
    else:
        print_rows(_matrix() if matrix else _methods(), as_json)


def _sites(backbone: str) -> Rows:
    from hxbench.backbones.load import meta_backbone
    from hxbench.spec import recipe

    found = meta_backbone(recipe.backbone(backbone))
    family, first = found.family, 0
    columns = ("where", "kind", "role", "name", "module", "layers", "in", "out", "bitfit")

    def row(*values: Any) -> dict[str, Any]:
        return dict(zip(columns, (*values, *[None] * len(columns)), strict=False))

    yield row(
        "body", "site", "embeddings", "embeddings", family.embeddings.module, None, None, found.embedded_size
    )
    for name, stack, layers in found.stacks:
        depth, adds = len(layers), stack.biases
        for role, place in stack.sites.items():
            yield row(
                name, "site", role, family.site_name(name, role), place.module, depth, None, found.hidden_size
            )
        numbers = range(first, first + depth)
        first += depth
        for projection in stack.roles:
            some = [p for p in found.projections(projection) if int(p.name.partition(".")[0]) in numbers]
            fused = stack.fusion_of(projection)
            modules = dict.fromkeys(fused.module if fused else p.name.partition(".")[2] for p in some)
            if some:  # not every model of a family has all of them
                widths, biased = (some[0].width_in, some[0].width_out), "yes" if projection in adds else None
                yield row(name, "projection", projection, projection, [*modules], len(some), *widths, biased)
        for path in stack.norms:
            biased = "yes" if "norms" in adds else None
            yield row(name, "norm", None, None, path, depth, None, found.hidden_size, biased)
    for path in dict.fromkeys((*family.norms, *family.biases)):
        kind = "norm" if path in family.norms else "bias"
        yield row("body", kind, None, None, path, None, None, None, "yes" if path in family.biases else None)
    for path in family.head:
        yield row("model", "head", None, None, path)


@list_app.command("sites", help="Where adapters act in a backbone, and its projections, norms and biases.")
def sites(
    backbone: Annotated[
        str, typer.Option(help="Backbone recipe, local folder or hub name; weights may be absent.")
    ],
    as_json: options.Json = False,
) -> None:
    """List the parts of a backbone by the entry of its family and its configuration alone.

    Roles are what a method writes (`roles = ("attention", "ffn")`), the same for all families; names are what its
    weights and stored runs have.
    """
    print_rows(_sites(backbone), as_json, width=120)  # modules in one piece


for _kind, (_rows, _about) in _KINDS.items():
    _add(_kind, _rows, _about)

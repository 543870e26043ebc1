"""An experiment recipe → the runs behind an artifact."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from hxbench.closed import validated
from hxbench.errors import InputError, did_you_mean
from hxbench.spec import recipe, settings
from hxbench.spec.languages import code_among, languages_for
from hxbench.spec.recipe import ExperimentBlock, ExperimentRecipe, FewShotRecipe, MethodRecipe
from hxbench.spec.run_spec import DataSpec, FewShotSpec, RunSpec, TrainingSpec
from hxbench.tasks import SUITES
from hxbench.tasks.description import Described

MOST_RUNS = 100_000  # of one experiment
_DEEPEST = 20  # experiments that include each other


@dataclass(frozen=True)
class Wanted:
    """A run an experiment asks for; a few-shot run starts from another, which has to be there first."""

    spec: RunSpec
    start: RunSpec | None = None


def few_shot_spec(start: RunSpec, pair: settings.Pair, k: int, draw: int, training: dict[str, Any]) -> RunSpec:
    """Return the spec that tunes the run `start` on `k` sentences of a pair; `training` replaces its fields."""
    shot = FewShotSpec(task=pair.task, language=pair.language, k=k, draw=draw)
    merged = recipe.merge(start.training.model_dump(exclude_none=True), training)
    update = {"few_shot": shot, "training": validated(TrainingSpec, merged, f"few-shot from {start.title}")}
    return start.model_copy(update=update)


def code_here(language: str, data: DataSpec) -> str:
    """Return the code, in the languages of a run's data, of a language given by its paper code or its own."""
    return code_among(languages_for(data.origin, data.described).values(), language)


def few_shot_runs(
    start: RunSpec, protocol: FewShotRecipe, *, draws: Iterable[int], tasks: Iterable[str] | None = None
) -> Iterator[Wanted]:
    """Yield the protocol's runs from one model: every pair that was no source of it, every k, every draw."""
    named = tasks or protocol.tasks
    if start.answers_texts:
        pairs = settings.text_pairs([task for task in named if task not in start.tasks], start.data)
    else:
        sources = settings.source_pairs(start.setting, start.task, start.partition, start.data)
        asked = product([task for task in named if start.task in (None, task)], protocol.languages)
        pairs = [settings.Pair(task, code_here(language, start.data)) for task, language in asked]
        pairs = [pair for pair in pairs if pair not in sources]
    for pair, k, draw in product(pairs, protocol.k, draws):
        yield Wanted(few_shot_spec(start, pair, k, draw, protocol.training), start)


def block_runs(
    block: ExperimentBlock, profile: str, *, seeds: Iterable[int] | None = None, origin: str | None = None
) -> Iterator[Wanted]:
    papers = {method: recipe.load("methods", method).ground for method in block.methods}
    own = dict.fromkeys(s for paper in papers.values() for s in recipe.scale(profile, paper).seeds)
    for seed in block.seeds or seeds or own:
        for method in block.methods:
            found: MethodRecipe = recipe.load("methods", method)
            draws = range(recipe.scale(profile, found.ground).draws)
            given: dict[str, Any] = {
                "backbone_name": block.backbone or None, "backbone_weights": block.weights, "size": block.size,
                "profile": profile, "seed": seed, "origin": origin, "changes": block,
                "transfer": transfer_of(block),
            }  # fmt: skip
            if block.few_shot and found.few_shot_from == "nothing":
                for task in block.few_shot.tasks:
                    single = recipe.resolve(method, setting="single", task=task, **given)
                    yield from few_shot_singles(single, block.few_shot, draws)
                continue
            for model in block_models(block, found.one_task, described_in(profile)):
                spec = recipe.resolve(
                    method, setting=block.setting, task=model.task, partition=model.partition, suite=block.suite,
                    together=() if model.task else together_of(block), **given,
                )  # fmt: skip
                yield Wanted(spec)
                if block.few_shot:
                    yield from few_shot_runs(spec, block.few_shot, draws=draws)


def described_in(profile: str) -> Described | None:
    """Return what a user's own data are that a profile was asked for with."""
    own = recipe.own_data(profile)
    return own.described if own else None


def block_models(
    block: ExperimentBlock, one_task: bool, described: Described | None = None
) -> tuple[settings.Model, ...]:
    if together_of(block) and not one_task:
        return (settings.Model(),)
    if block.every_task:
        return tuple(settings.Model(task) for task in block.every_task)
    known = settings.models(
        block.setting, one_task=one_task, switched=block.switched, suite=block.suite, described=described
    )
    return tuple(model for model in known if block.partition in (None, model.partition))


def transfer_of(block: ExperimentBlock) -> tuple[str, ...]:
    """Return the tasks that every model of a block is scored on beside its own: one list for all of them."""
    return block.every_task if block.transfer else ()


def together_of(block: ExperimentBlock) -> tuple[str, ...]:
    """Return the tasks that one model of a block is of, where they are no suite."""
    return block.every_task if block.setting == "multi" else ()


def few_shot_singles(single: RunSpec, protocol: FewShotRecipe, draws: Iterable[int]) -> Iterator[Wanted]:
    """Yield the protocol's runs of a single-task model that starts from nothing: every k, every draw."""
    for pair, k, draw in product(settings.text_pairs(single.tasks, single.data), protocol.k, draws):
        yield Wanted(few_shot_spec(single, pair, k, draw, protocol.training))


def named(text: str) -> tuple[str, str]:
    """Return the paper and the name of an experiment given as `paper/name`, as `name`, or as a YAML file."""
    paper, slash, name = text.partition("/")
    if text.endswith((".yaml", ".yml")):
        return recipe.paper_of(Path(text)), text
    if not slash:
        paper, name = recipe.papers()[0], text
    if paper not in recipe.papers():
        raise InputError(did_you_mean("paper", paper, recipe.papers()))
    if name not in recipe.recipe_names(paper):
        if makers := [other for other in recipe.recipe_names(paper) if name in artifacts_of(paper, other)]:
            raise InputError(f"{name} is no experiment of {paper}: {paper}/{makers[-1]} makes it.")
        known = [f"{paper}/{other}" for other in recipe.recipe_names(paper)]
        raise InputError(did_you_mean("experiment", f"{paper}/{name}", known))
    return paper, name


def data_file(paper: str, name: str) -> Path | None:
    """Return the file of a user's own data that an experiment is run on."""
    found: ExperimentRecipe = recipe.load(paper, name)
    return Path(found.data_file) if found.data_file else None


def artifacts_of(paper: str, name: str) -> tuple[str, ...]:
    found: ExperimentRecipe = recipe.load(paper, name)
    return found.artifacts


def few_shot_protocol(
    paper: str = "hyperx", experiment: str | None = None, profile: str = "demo"
) -> FewShotRecipe:
    """Return the few-shot protocol of a paper at a profile, or of one of its experiments."""
    names = [experiment] if experiment else recipe.recipe_names(paper)
    found = (block.few_shot for name in names for block in blocks(paper, name, profile))
    protocol = next((one for one in found if one), None)
    if protocol is None:
        raise InputError(f"the experiments of paper {paper} have no few-shot runs.")
    return protocol


def _require_sense(paper: str, block: ExperimentBlock) -> None:
    for method in block.methods:
        of = recipe.load("methods", method).ground
        if of != paper:
            raise InputError(f"{method} is a method of paper {of}: an experiment of paper {paper} cannot have it.")
        if recipe.scale("demo", of).is_text and not (block.suite or block.every_task or block.few_shot):
            raise InputError(
                f"a block of {method} says on what: suite ({' or '.join(SUITES)}), or tasks (such as [rte])."
            )


def few_shot_block(paper: str, method: str) -> ExperimentBlock | None:
    """Return the block of a paper's few-shot experiments that has the method; None for one of the user's own."""
    found = (block for name in recipe.recipe_names(paper) for block in blocks(paper, name))
    return next((block for block in found if block.few_shot and method in block.methods), None)


def blocks(paper: str, name: str, profile: str | None = None) -> list[ExperimentBlock]:
    """Return the blocks of an experiment, those of the experiments it includes first; with a profile unfolded."""
    found = [block for one in _with_included(paper, name, (), set()) for block in one.blocks]
    if profile is None:
        return found
    ground = recipe.scale(profile, paper)
    return [one for block in found for one in recipe.unfold(block, profile, ground)]


def _with_included(paper: str, name: str, below: tuple[str, ...], seen: set[str]) -> Iterator[ExperimentRecipe]:
    """Yield what an experiment includes, each once, and then the experiment; `below` are those that include it."""
    if name in below:
        raise InputError(f"experiment {name} includes itself: {' → '.join((*below, name))}.")
    if len(below) > _DEEPEST:
        raise InputError(f"more than {_DEEPEST} experiments include each other, down to {name}.")
    if name in seen:
        return
    seen.add(name)
    found: ExperimentRecipe = recipe.load(paper, name)
    included = [other.removeprefix(f"{paper}/") for other in found.includes]
    if not included and not found.blocks:
        raise InputError(f"experiment {name} asks for no runs: it has neither blocks nor includes.")
    for other in included:
        yield from _with_included(paper, other, (*below, name), seen)
    yield found


def _most_runs(block: ExperimentBlock, profile: str, paper: str) -> int:
    """Return how many runs a block has at most for the profile's seeds, before any of them is made."""
    scale, shots = recipe.scale(profile, paper), block.few_shot
    tuned = len(shots.k) * len(shots.tasks) * len(shots.languages) * scale.draws if shots else 0
    models = max(1, len(block_models(block, False)))
    return len(block.seeds or scale.seeds) * len(block.methods) * models * (1 + tuned)


def runs_of(paper: str, name: str, profile: str, **others: Any) -> list[Wanted]:
    """Return every run an experiment asks for, once each; `InputError` for blocks without sense or runs."""
    for block in blocks(paper, name):
        _require_sense(paper, block)
    unfolded = blocks(paper, name, profile)
    if not unfolded:
        raise InputError(f"experiment {name} has no runs at profile {profile}: neither its sizes nor its values.")
    if (count := sum(_most_runs(block, profile, paper) for block in unfolded)) > MOST_RUNS:
        raise InputError(f"experiment {name} asks for {count:,} runs at profile {profile}, at most {MOST_RUNS:,}.")
    found = (wanted for block in unfolded for wanted in block_runs(block, profile, **others))
    unique: dict[tuple[str, str], Wanted] = {}
    for wanted in found:
        unique.setdefault((wanted.spec.run_id, wanted.start.run_id if wanted.start else ""), wanted)
    return list(unique.values())

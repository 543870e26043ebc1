"""What a text-to-text run trains on, selects by and scores: the tasks of its model, or the one it is tuned to.

A run with transfer is scored on other tasks as well, of which it reads the test sets and nothing else.
"""

from hxbench.data import Corpora as Collection
from hxbench.errors import InputError, LackingData
from hxbench.settings import Pair, text_pairs
from hxbench.spec import RunSpec
from hxbench.stages.plan import Plan, require_examples
from hxbench.stages.transfer import foreign


def text_plan(spec: RunSpec, corpora: Collection, probes: tuple[str, ...] = ()) -> Plan:
    """Return the plan of a run; `probes` are tasks whose texts are looked at when the model has been trained.

    Raises `InputError` for a way of selection that the tasks do not have, `LackingData` where there is nothing to
    train on, to select by or to be scored on.
    """
    shot = spec.few_shot
    wanted = text_pairs((shot.task,) if shot else spec.tasks)
    train = {pair: "train" for pair in wanted if "train" in corpora.splits(*pair)}
    if not train:
        raise LackingData(f"{spec.title}: the data source has no training set of {_names(wanted)}.")
    if shot:
        require_examples(wanted[0], train, shot.k, corpora)
    validation = _validation(spec, list(train), corpora)
    if not any("test" in corpora.splits(*pair) for pair in train):
        raise LackingData(
            f"{spec.title}: the data source has no test set of {_names(list(train))} to be scored on."
        )
    further = text_pairs(() if shot else foreign(spec))
    test = tuple(pair for pair in (*train, *further) if "test" in corpora.splits(*pair))
    return Plan(
        train=train,
        mlm=(),
        counted=(),
        validation=validation,
        test=test,
        missing=tuple(pair for pair in (*wanted, *further) if pair not in test),
        probes=tuple(p for p in _probes(spec, probes) if "test" in corpora.splits(*p)),
    )


def _validation(spec: RunSpec, trained: list[Pair], corpora: Collection) -> tuple[Pair, ...]:
    selection = spec.training.selection
    if selection == "last":
        return ()
    if selection != "sources":
        raise InputError(f"{spec.title}: weights are chosen by sources or are the last ones, not by {selection}.")
    without = [pair for pair in trained if "dev" not in corpora.splits(*pair)]
    if without:
        raise LackingData(
            f"{spec.title}: the data source has no development set of {_names(without)}, by which the best "
            "weights would be chosen; --set training.selection=last keeps the last ones."
        )
    return tuple(trained)


def _probes(spec: RunSpec, probes: tuple[str, ...]) -> list[Pair]:
    """Return the tasks that are held against those of a suite: none of its own, none for a model of one task."""
    known = spec.tasks
    fitting = spec.suite == "glue" and not spec.few_shot
    return text_pairs(tuple(task for task in probes if fitting and task not in known))


def _names(pairs: list[Pair]) -> str:
    return ", ".join(pair.task for pair in pairs)

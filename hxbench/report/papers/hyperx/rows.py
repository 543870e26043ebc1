"""What all tables of Hyper-X share: settings, methods and their names, groups of languages, and what a score is.

A pair is scored by the models that were not trained on it: in the mixed setting by the other partition's. English
is supervised everywhere: it is the mean of both partitions' models, and enters no average. SEEN, UNSEEN and ALL
are plain means over their languages, taken for each seed and then averaged over the seeds (section 4 and Table 6).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hxbench.report import results
from hxbench.report.artifact.published import published
from hxbench.report.paper import MethodRow, paper_file
from hxbench.report.results import NOT_OF_PAPER
from hxbench.report.scores.averages import mean_of_all
from hxbench.report.scores.rows import Rows
from hxbench.report.scores.run_set import RunSet, Scoring
from hxbench.report.select.identity import of_no_paper
from hxbench.report.stats.significance import Lead, Resampler
from hxbench.spec import settings
from hxbench.spec.languages import XLM_R, find_language, language_set
from hxbench.spec.run_spec import RunSpec
from hxbench.spec.settings import Model, Pair
from hxbench.tasks.description import Described

ORDER = tuple("en ar br is kk ta tr yo zh gn hsb fo mt sa ug yue".split())  # rows of Table 6
GROUPS = ("SEEN", "UNSEEN", "ALL")
LISTS = {True: "XLM-R", False: "not XLM-R"}  # by whether a language is in the list of XLM-R's pre-training
XLM_R_BACKBONES = frozenset(("e5-small-q4", "multilingual-e5-small"))  # which began as a distilled XLM-R
METRICS = {"ner": ("f1", "NER F1"), "pos": ("accuracy", "POS accuracy")}  # ours, the paper's name

PAPER = "hyperx"
FILE = paper_file(PAPER)
ROWS = FILE.rows
MBERT, PSF, MADX, BASE = (ROWS[name] for name in ("mbert", "psf", "madx", "base"))


@dataclass(frozen=True)
class SettingBlock:
    """A setting, as the paper titles it, and the methods it shows there."""

    setting: str
    title: str
    methods: tuple[MethodRow, ...]


BLOCKS = tuple(
    SettingBlock(setting, block.title, tuple(ROWS[name] for name in block.rows))
    for setting, block in FILE.blocks.items()
)


def title_of(method: str) -> str:
    """Return what the tables call a method: as the paper does, by our recipe of no paper, or by its own name."""
    known = of_no_paper(method) or any(row.method == method for row in ROWS.values())
    return results.title_of(PAPER, method) if known else method


def printed_score(artifact: str, row: str, column: str, task: str, group: str) -> float | None:
    """Return the paper's score of a language or group."""
    return published(PAPER).value(artifact, row, column, METRICS[task][1], group)


def doubt(artifact: str, row: str, column: str, task: str, group: str) -> str:
    """Return where the paper contradicts itself about a printed score; nothing of most."""
    return published(PAPER).note(artifact, row, column, METRICS[task][1], group)


def printed_shot_mean(row: str, task: str, codes: Iterable[str], k: int) -> float | None:
    """Return the mean of what Table 5 prints for some languages, None unless it prints them all."""
    return mean_of_all(printed_score("Table 5", row, f"k={k}", task, code) for code in codes)


def own_row(method: str) -> MethodRow:
    """Return the row of a method that the paper does not have."""
    return MethodRow(title=title_of(method), method=method)


_GROUP = {code: language.group for code, language in language_set("hyperx").items()}


def members(group: str) -> tuple[str, ...]:
    """Return the paper codes that SEEN, UNSEEN, ALL or a half by XLM-R's list averages, English aside."""
    if group in LISTS.values():
        return tuple(code for code in ORDER[1:] if LISTS[code in XLM_R] == group)
    wanted = {"SEEN": ("seen",), "UNSEEN": ("unseen",), "ALL": ("seen", "unseen")}[group]
    return tuple(code for code in ORDER if _GROUP[code] in wanted)


def pairs(task: str, group: str) -> tuple[Pair, ...]:
    """Return the pairs of a task that a group averages."""
    return tuple(Pair(task, code) for code in members(group))


def scoring_models(models: Iterable[Model], pair: Pair, described: Described | None = None) -> tuple[Model, ...]:
    """Return the models whose mean is the score of a pair: those that it was no source of, English aside."""
    task, code = pair
    of_task = [model for model in models if model.task in (None, task)]
    if _GROUP.get(code) == "source":
        return tuple(of_task)
    return tuple(
        model
        for model in of_task
        if model.partition is None or code not in settings.sides_of(model.partition, described)[task]
    )


def scores_in(rows: Rows, *, sources: bool = False) -> dict[Pair, float]:
    """Return the test scores in a run's rows by task and paper code.

    The score of a source is none unless the source is English, or `sources` says to take it.
    """
    scores = {}
    for row in rows:
        wanted = METRICS.get(row.get("task") or "", ("", ""))[0]
        if row.get("split") != "test" or row.get("metric") != wanted or row.get("value") is None:
            continue
        code = find_language(row["language"]).paper_code
        if sources or row.get("role") != "source" or _GROUP.get(code) == "source":
            scores[Pair(row["task"], code)] = float(row["value"])
    return scores


SCORING = Scoring(scores_in, scoring_models, lambda pair: pair.language, members, zero_shot=True)


def help_from_targets(runs: RunSet) -> str:
    """Return what to say of weights that held-out pairs have chosen; nothing of a strictly zero-shot protocol."""
    specs = [record.spec for record in runs.records]
    if not any(isinstance(spec, RunSpec) and spec.training.selection == "targets" for spec in specs):
        return ""
    as_published = ", as its published code does" if runs.method == PSF.method else ""
    return f"weights chosen on the development sets of held-out pairs{as_published}: not strictly zero-shot"


def told_of(method: MethodRow, runs: RunSet) -> str:
    """Return what to say of a row: that the paper has none, and that held-out pairs have chosen its weights."""
    return "; ".join(filter(None, ["" if method.published else NOT_OF_PAPER, help_from_targets(runs)]))


def best_of_groups(resampler: Resampler, sets: Sequence[RunSet], tasks: Iterable[str]) -> list[Lead]:
    """Return which of some methods leads, and how surely, in every group of the tasks."""
    places = [(task, group) for task in tasks for group in GROUPS]
    return [lead for where in places if (lead := resampler.best(sets, pairs(*where), *where))]

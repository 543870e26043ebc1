"""Table 3: parameters and training time of a model that does both tasks, and what else it took here."""

from collections.abc import Iterable

from hxbench.report.artifact.table import Block, Column, Marks, Row, Table
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.costs import cost, cost_cell, needed_costs, unknown
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import BLOCKS, FILE, ROWS, own_row, told_of
from hxbench.report.scores.averages import mean_of_all
from hxbench.report.scores.estimate import Estimate
from hxbench.report.scores.run_set import RunSet
from hxbench.tasks import TAGGING, suite_tasks

_NAME = "Table 3"
_OURS_ONLY = "not in the paper"
COLUMNS = (
    Column("#params", "", "count"),
    Column("time", "", "duration"),
    Column("trained", _OURS_ONLY, "count", paper=False),
    Column("memory", _OURS_ONLY, "bytes", paper=False),
    Column("tokens/s", _OURS_ONLY, "rate", paper=False),
    Column("FLOPs/token", _OURS_ONLY, "count", paper=False),
)
_METRICS = (
    ("counted_parameters", "#Params", "params"),
    ("wall_seconds", "Training Time", "training time"),
    ("trainable_parameters", "", ""),
    ("peak_memory_bytes", "", ""),
    ("tokens_per_second", "", ""),
    ("flops_per_token", "", ""),
)
_ENTRY = FILE.entry("table3")
_ALL, _LANGUAGE, _TASK = _ENTRY.methods
_OF_BOTH = ("multi", "mixed")  # settings with one model for both tasks
_SETTINGS = (*_OF_BOTH, "single")  # in the order of preference


def _runs(results: Results, method: str, settings: Iterable[str]) -> RunSet:
    """Return the runs that are measured: of the first of the settings that has any, else of the first at all."""
    sets = [results.run_set(method, setting) for setting in settings]
    return next((runs for runs in sets if runs.present), sets[0])


def _shown(results: Results) -> dict[MethodRow, list[str]]:
    """Return the paper's methods, then others that have models of both tasks, each with its settings."""
    found = {
        row: [setting for setting in _SETTINGS if results.has(row.method, setting)]
        for row in (_ALL if name == "madx" else results.titled(ROWS[name]) for name in _ENTRY.rows)
    }
    known = {row.method for block in BLOCKS for row in block.methods}
    for setting in _OF_BOTH:
        for method in results.own_methods(setting, known):
            found.setdefault(own_row(method), []).append(setting)
    return found


def _row(method: MethodRow, estimates: list[Estimate | None], marks: Marks, mark: str) -> Row:
    cells = [
        cost_cell(estimate, _NAME, method.published, column, quantity, marks)
        for (_, column, quantity), estimate in zip(_METRICS, estimates, strict=True)
    ]
    return Row(method.title, tuple(cells), mark=marks.letter(mark) if mark else "")


def _each_language(results: Results, runs: RunSet) -> list[Estimate | None]:
    """Return the costs of a language adapter, the mean over those there are."""
    found = needed_costs(results, runs)
    estimates: list[Estimate | None] = []
    for metric, *_ in _METRICS:
        values = {run_id: costs[metric] for run_id, costs in found.items() if metric in costs}
        mean = mean_of_all(values.values())
        each = Estimate((mean,), runs=frozenset((one, ()) for one in values)) if mean is not None else None
        estimates.append(each or unknown(runs))
    return estimates


def _each_task(runs: RunSet, languages: list[Estimate | None]) -> list[Estimate | None]:
    """Return the costs of a task adapter: its run's own, but for the parameters, which the run counts for all."""
    estimates: list[Estimate | None] = [runs.cost(metric) for metric, *_ in _METRICS]
    whole, language = runs.cost(_METRICS[0][0]).mean, languages[0].mean if languages[0] else None
    if whole and language:
        each = (whole - _ADAPTERS * language) / len(suite_tasks(TAGGING))
        estimates[0] = Estimate((each,), runs=runs.cost(_METRICS[0][0]).runs)
    else:
        estimates[0] = unknown(runs)
    return estimates


_ADAPTERS = 16


def build(results: Results) -> list[Table]:
    """Return the one table."""
    marks, rows = Marks(), []
    shown: list[RunSet] = []
    lacking: list[RunSet] = []
    for method, settings in _shown(results).items():
        runs = _runs(results, method.method, settings)
        shown.append(runs)
        of_all = [cost(results, runs, metric) for metric, *_ in _METRICS]
        # any one run measures a method's cost, a sum needs one of each task
        lacking += [runs] if any(one.incomplete for one in of_all) else []
        if method is not _ALL:
            words = filter(None, [f"a model of the {runs.setting} setting", told_of(method, runs)])
            rows.append(_row(method, list(of_all), marks, "; ".join(words)))
            continue
        languages = _each_language(results, runs)
        rows.append(
            _row(
                method,
                [*of_all[:2], None, None, None, None],
                marks,
                f"{len(suite_tasks(TAGGING))} task adapters, on those of {_ADAPTERS} languages",
            )
        )
        rows.append(_row(_LANGUAGE, languages, marks, ""))
        rows.append(_row(_TASK, _each_task(runs, languages), marks, ""))
    told = results.told("table3", shown, marks, lacking=lacking)
    return [Table(columns=COLUMNS, blocks=(Block("", tuple(rows)),), **told)]

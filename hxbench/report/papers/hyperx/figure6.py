"""Figure 6: few-shot curves, the means of Table 5 over its seen and over its unseen languages."""

from collections.abc import Iterable

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Marks
from hxbench.report.papers.hyperx.cells import printed_score
from hxbench.report.papers.hyperx.few_shot import FewShot
from hxbench.report.papers.hyperx.results import FEW_SHOT, Results
from hxbench.report.papers.hyperx.rows import BASE, MADX, MBERT, METRICS, SMALL, MethodRow
from hxbench.report.papers.hyperx.scores import members

_EXPERIMENT = "table5"
_METHODS = (MBERT, MADX, SMALL, BASE)
_GROUPS = ("SEEN", "UNSEEN")
_CLAIM = (
    "the paper's caption calls Hyper-X competitive or better on NER, UNSEEN, too; "
    "by its own Table 5 MAD-X is ahead there at every k."
)
_AT_ZERO = (
    "Two of these starts are not those of the paper's Table 6: mBERT's for POS are its single-task scores there, "
    "and HX-Base's for NER, tr, is 73.2 against 72.5."
)


def printed_mean(row: str, task: str, codes: tuple[str, ...], k: int) -> float | None:
    """Return the mean of what Table 5 prints for some languages, None unless it prints them all."""
    values = [printed_score("Table 5", row, f"k={k}", task, code) for code in codes]
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there and len(there) == len(values) else None


def _series(few: FewShot, method: MethodRow, task: str, group: str, marks: Marks) -> Series:
    codes = tuple(code for code in few.languages if code in members(group))
    cells = [
        make_cell(few.group(method.method, task, group, k), printed_mean(method.published, task, codes, k), marks)
        for k in few.k
    ]
    return Series(method.title, tuple(cells))


def _panel(results: Results, few: FewShot, task: str, group: str, marks: Marks) -> Panel:
    names = ", ".join(results.label(code) for code in few.languages if code in members(group))
    methods = [*_METHODS, *(MethodRow("", name, name) for name in few.own)]
    series = tuple(_series(few, method, task, group, marks) for method in methods)
    return Panel(f"{task.upper()}, {group}: {names}", METRICS[task][1].partition(" ")[2], series)


def _seeds(panels: Iterable[Panel], places: Iterable[int]) -> list[str]:
    """Return a sentence about the numbers of seeds where they differ: marks at points would hide the curves."""
    curves = [one.cells for panel in panels for one in panel.series]
    counts = {
        k: {cell.n for cell in cells if cell.mean is not None} for k, *cells in zip(places, *curves, strict=True)
    }
    if len(set().union(*counts.values())) < 2:
        return []
    words = [f"{' or '.join(map(str, sorted(there)))} at {k}" for k, there in counts.items() if there]
    return [f"Numbers of seeds differ: {', '.join(words)}."]


def build(results: Results) -> list[Figure]:
    """Return the one figure, four panels with the four methods of the paper and those of one's own."""
    few, marks = results.few_shot(_EXPERIMENT), Marks()
    panels = [_panel(results, few, task, group, marks) for task in METRICS for group in _GROUPS]
    real = ", of mBERT on real languages" if results.synthetic else ""
    return [
        Figure(
            name="figure6",
            title="Hyper-X, Figure 6: few-shot transfer",
            kind="lines",
            stub="method",
            places=tuple(map(str, few.k)),
            axis="training sentences (0: zero-shot)",
            at=tuple(map(float, few.k)),
            panels=tuple(panels),
            heading=results.heading([few], FEW_SHOT),
            caption=(
                f"Ours at 5 and more: each seed is the mean over up to {results.scale.draws} draws.",
                f"Published{real}: means of the languages' values in the paper's Table 5, at 0 of its rows k = 0.",
                _AT_ZERO,
                *_seeds(panels, few.k),
            ),
            notes=marks.notes(),
            remarks=(*results.remarks([few]), _CLAIM),
            commands=results.commands([few, *few.own_starts], _EXPERIMENT),
            facts={"paper": "hyperx", "profile": results.profile},
        )
    ]

"""Figure 6: few-shot curves, the means of Table 5 over its seen and over its unseen languages."""

from collections.abc import Iterable, Mapping, Sequence

from hxbench.report.artifact.cells import make_cell
from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Marks
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.cells import printed_shot_mean
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import METRICS, members
from hxbench.report.papers.hyperx.table5 import METHODS, protocol_of, shown_of
from hxbench.report.scores.few_shot import Shots
from hxbench.spec.settings import Pair

_EXPERIMENT = "table5"
Few = Mapping[str, Shots]
_GROUPS = ("SEEN", "UNSEEN")
_CLAIM = (
    "the paper's caption calls Hyper-X competitive or better on NER, UNSEEN, too; "
    "by its own Table 5 MAD-X is ahead there at every k."
)
_AT_ZERO = (
    "Two of these starts are not those of the paper's Table 6: mBERT's for POS are its single-task scores there, "
    "and HX-Base's for NER, tr, is 73.2 against 72.5."
)


def _series(few: Few, method: MethodRow, pairs: Sequence[Pair], marks: Marks) -> Series:
    task, codes, shots = pairs[0].task, [pair.language for pair in pairs], few[method.method]
    cells = [
        make_cell(shots.over(pairs, k), printed_shot_mean(method.published, task, codes, k), marks)
        for k in protocol_of(few)[0]
    ]
    return Series(method.title, tuple(cells))


def _panel(results: Results, few: Few, task: str, group: str, marks: Marks) -> Panel:
    codes = [code for code in protocol_of(few)[1] if code in members(group)]
    names = ", ".join(map(results.label, codes))
    methods = [*METHODS, *(MethodRow(title=name, method=name) for name, shots in few.items() if not shots.draws)]
    pairs = [Pair(task, code) for code in codes]
    series = tuple(_series(few, method, pairs, marks) for method in methods)
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
    k_of, _ = protocol_of(few)
    panels = [_panel(results, few, task, group, marks) for task in METRICS for group in _GROUPS]
    real = ", of mBERT on real languages" if results.synthetic else ""
    return [
        Figure(
            kind="lines",
            stub="method",
            places=tuple(map(str, k_of)),
            axis="training sentences (0: zero-shot)",
            at=tuple(map(float, k_of)),
            panels=tuple(panels),
            caption=(
                f"Ours at 5 and more: each seed is the mean over up to {results.scale.draws} draws.",
                f"Published{real}: means of the languages' values in the paper's Table 5, at 0 of its rows k = 0.",
                _AT_ZERO,
                *_seeds(panels, k_of),
            ),
            **results.told(
                "figure6", shown_of(few), marks, experiment=_EXPERIMENT, numbers="few_shot", after=[_CLAIM]
            ),
        )
    ]

"""Figure 6: few-shot curves, the means of Table 5 over its seen and over its unseen languages."""

from hxbench.report.figure import Figure, Panel, Series
from hxbench.report.hyperx.cells import make_cell, printed_score
from hxbench.report.hyperx.few_shot import FewShot
from hxbench.report.hyperx.results import Results
from hxbench.report.hyperx.rows import BASE, MADX, MBERT, METRICS, SMALL, MethodRow
from hxbench.report.hyperx.scores import members
from hxbench.report.table import Marks

_EXPERIMENT = "table5"
_METHODS = (MBERT, MADX, SMALL, BASE)
_GROUPS = ("SEEN", "UNSEEN")
_CLAIM = (
    "the paper's caption calls Hyper-X competitive or better on NER, UNSEEN, too; "
    "by its own Table 5 MAD-X is ahead there at every k."
)


def printed_mean(row: str, task: str, codes: tuple[str, ...], k: int) -> float | None:
    """Return the mean of what Table 5 prints for some languages, None unless it prints them all."""
    values = [printed_score("Table 5", row, f"k={k}", task, code) for code in codes]
    there = [value for value in values if value is not None]
    return sum(there) / len(there) if there and len(there) == len(values) else None


def _series(few: FewShot, method: MethodRow, task: str, group: str, marks: Marks) -> Series:
    codes = tuple(code for code in few.languages if code in members(group))
    known = method.method in few.methods
    cells = [
        make_cell(
            few.group(method.method, task, group, k) if known else None,
            printed_mean(method.published, task, codes, k),
            marks,
        )
        for k in few.k
    ]
    return Series(method.title, tuple(cells), ours=known)


def build(results: Results) -> list[Figure]:
    """Return the one figure, four panels with the four methods of the paper."""
    few, marks = results.few_shot(_EXPERIMENT), Marks()
    panels = []
    for task, (_, metric) in METRICS.items():
        for group in _GROUPS:
            names = ", ".join(results.label(code) for code in few.languages if code in members(group))
            series = tuple(_series(few, method, task, group, marks) for method in _METHODS)
            title = f"{task.upper()}, {group}: {names}"
            panels.append(Panel(title, metric.partition(" ")[2], series))
    said = ["Published: means of the languages' values in the paper's Table 5."]
    said += ["They are of mBERT on real languages."] if results.synthetic else []
    draws = results.scale.draws
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
            heading=results.heading([few]),
            caption=(
                f"Ours at 5 and more: each seed is the mean over {draws} draws of the sentences.",
                " ".join(said),
            ),
            notes=marks.notes(),
            remarks=(*results.remarks([few]), _CLAIM),
            commands=results.commands([few], _EXPERIMENT),
            facts={"paper": "hyperx", "profile": results.profile},
        )
    ]

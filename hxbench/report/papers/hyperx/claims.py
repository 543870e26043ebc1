"""The claims of Hyper-X, each a difference of two of our cells with its interval and a verdict (sections 5 and 6).

The groups are the paper's, by the pre-training of mBERT. A backbone that began as an XLM-R has the other division
beside them, by XLM-R's list; what its further training read is not known, so that no language is called unseen.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from hxbench.report.artifact.table import Block, Marks, Row, Table
from hxbench.report.paper import MethodRow
from hxbench.report.papers.hyperx.cells import printed_score, printed_shot_mean
from hxbench.report.papers.hyperx.few_shot import protocol_of, shown_of
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import (
    BASE,
    BLOCKS,
    GROUPS,
    LISTS,
    MADX,
    MADX_MS,
    MBERT,
    PSF,
    SMALL,
    XLM_R_BACKBONES,
    help_from_targets,
    members,
    pairs,
)
from hxbench.report.scores.few_shot import AtK, Shots
from hxbench.report.scores.run_set import RunSet, Shown
from hxbench.report.stats.claims import COLUMNS, HOW, NUMBERS, VERDICTS, Expected, difference, line
from hxbench.report.stats.significance import Resampler
from hxbench.spec.recipe import backbone
from hxbench.spec.settings import Pair

_TITLE = {block.setting: block.title for block in BLOCKS}
_IN_LIST, _NOT_IN_LIST = LISTS[True], LISTS[False]
_MORE: Mapping[str, Expected] = {"SEEN": "above", "UNSEEN": "above", "ALL": "above"}
_BOTH: Mapping[str, Expected] = {"SEEN": "above", "UNSEEN": "above"}
_CLOSE: Mapping[str, Expected] = {"SEEN": "near", "UNSEEN": "near", "ALL": "near"}
_LISTS = (
    f"{_IN_LIST}: in the list of XLM-R's pre-training, which the backbone began from "
    f"({', '.join(members(_IN_LIST))}); {_NOT_IN_LIST}: not in it ({', '.join(members(_NOT_IN_LIST))}), which is "
    "not to say unseen: the languages of its further training are unchecked. SEEN and UNSEEN are the paper's, by "
    "the pre-training of mBERT."
)


@dataclass(frozen=True)
class Cells:
    """The cells of a method in Table 2."""

    method: MethodRow
    setting: str

    def runs(self, results: Results) -> RunSet:
        """Return the runs behind them."""
        return results.run_set(self.method.method, self.setting)

    def printed(self, task: str, group: str) -> float | None:
        """Return what the paper prints there."""
        return printed_score("Table 2", self.method.published, _TITLE[self.setting], task, group)


@dataclass(frozen=True)
class Bars:
    """The bars of a condition in a figure, by its place in the experiment; the paper prints no values of them."""

    experiment: str
    place: int

    def runs(self, results: Results) -> RunSet:
        """Return the runs behind them."""
        return results.conditions(self.experiment)[self.place].run_set

    def printed(self, task: str, group: str) -> float | None:
        """Return nothing."""
        return None


@dataclass(frozen=True)
class Claim:
    """That `more` is above `less`, or near it, as `expects` says by group; `text` is where the paper prints it."""

    title: str
    more: Cells | Bars
    less: Cells | Bars
    expects: Mapping[str, Expected] = field(default_factory=lambda: _BOTH)
    text: tuple[str, str, str] | None = None  # artifact, row, column of a printed difference

    @property
    def experiments(self) -> tuple[str, ...]:
        """What makes the runs of the two sides."""
        return tuple(side.experiment if isinstance(side, Bars) else "table2" for side in (self.more, self.less))

    def printed(self, task: str, group: str) -> float | None:
        """Return the difference in the paper."""
        if group not in GROUPS:
            return None
        if self.text:
            return printed_score(*self.text, task, group)
        sides = [side.printed(task, group) for side in (self.more, self.less)]
        return None if sides[0] is None or sides[1] is None else round(sides[0] - sides[1], 1)


_BASE, _MLM = Cells(BASE, "mixed"), ("Figure 3 (text)", BASE.published, "effect of MLM data")
_ALL_TEXT, _UNSEEN_TEXT, _NO_TEXT, _MATCHED = (Bars("figure3", place) for place in range(4))
CLAIMS = (
    Claim("Hyper-X Base: mixed-language above English multi-task", _BASE, Cells(BASE, "multi"), _MORE),
    Claim("Hyper-X Base above mBERT, English multi-task", Cells(BASE, "multi"), Cells(MBERT, "multi"), _MORE),
    Claim("Hyper-X Base above mBERT, mixed-language", _BASE, Cells(MBERT, "mixed"), _MORE),
    Claim("Hyper-X Base above PSF, mixed-language", _BASE, Cells(PSF, "mixed"), _MORE),
    Claim(
        "Hyper-X Base above MAD-X MS on SEEN, near it on ALL, mixed-language",
        _BASE, Cells(MADX_MS, "mixed"), {"SEEN": "above", "ALL": "near"},
    ),
    Claim(
        "MAD-X MS above Hyper-X Base on UNSEEN, mixed-language",
        Cells(MADX_MS, "mixed"), _BASE, {"UNSEEN": "above"},
    ),
    Claim("Hyper-X Base near Small, mixed-language", _BASE, Cells(SMALL, "mixed"), _CLOSE),
    Claim(
        "MLM for all above none on UNSEEN, near it on SEEN (Figure 3)",
        _ALL_TEXT, _NO_TEXT, {"SEEN": "near", "UNSEEN": "above"}, _MLM,
    ),
    Claim(
        "The same at as many labelled updates (not in the paper)",
        _ALL_TEXT, _MATCHED, {"SEEN": "near", "UNSEEN": "above"},
    ),
    Claim(
        "MLM for all near MLM without the seen languages' text (Figure 3)",
        _ALL_TEXT, _UNSEEN_TEXT, {"SEEN": "near"},
    ),
    Claim("Switched sources above the original, Hyper-X Base (Figure 4)", Bars("figure4", 1), Bars("figure4", 0)),
    Claim("Switched sources above the original, mBERT (Figure 5)", Bars("figure5", 1), Bars("figure5", 0)),
    Claim("Hyper-X Base above mBERT, both with switched sources", Bars("figure4", 1), Bars("figure5", 1)),
    Claim("Sampling by temperature above by size (Figure 7)", Bars("figure7", 0), Bars("figure7", 1), _MORE),
    Claim(
        "mBERT: pre-trained above random weights (a control, not in the paper)",
        Bars("controls", 0), Bars("controls", 1), _MORE,
    ),
)  # fmt: skip


def _groups(results: Results, expects: Mapping[str, Expected]) -> dict[str, Expected]:
    """Return the groups that a claim is told of, with those by XLM-R's list where the backbone began as one.

    What is claimed of SEEN is asked of the languages in the list, what is claimed of UNSEEN of the others.
    """
    found = dict(expects)
    if backbone(results.scale.backbone).name in XLM_R_BACKBONES:
        lists = {"SEEN": _IN_LIST, "UNSEEN": _NOT_IN_LIST}
        found |= {lists[group]: expected for group, expected in expects.items() if group in lists}
    return found


def _block(results: Results, resampler: Resampler, claim: Claim, marks: Marks) -> Block:
    more, less = claim.more.runs(results), claim.less.runs(results)
    # what a side has that the other has not, and no zero-shot protocol allows
    helped = tuple(
        f"{results.title_of(side.method)}: {text}" for side in (more, less) if (text := help_from_targets(side))
    )
    rows = []
    for task, (group, expected) in product(results.tasks, _groups(results, claim.expects).items()):
        found = difference(resampler, more, less, pairs(task, group))
        found = replace(found, notes=(*found.notes, *helped)) if found.by_seed else found
        title = f"{task.upper()} {group}"
        rows.append(line(title, found, expected, claim.printed(task, group), marks))
    return Block(claim.title, tuple(rows))


def _few_shot_blocks(
    results: Results, few_shot: Mapping[str, Shots], resampler: Resampler, marks: Marks
) -> Iterator[Block]:
    """Yield what the caption of Figure 6 says of Hyper-X, at the least and at the most sentences."""
    (_, least, *_, most), languages = protocol_of(few_shot)
    for rival in (MBERT, MADX):
        rows: list[Row] = []
        for task, group, k in product(results.tasks, _BOTH, (least, most)):
            codes = [code for code in languages if code in members(group)]
            ours, theirs = (AtK(few_shot[row.method], k) for row in (BASE, rival))
            found = difference(resampler, ours, theirs, [Pair(task, code) for code in codes])
            printed = [printed_shot_mean(row.published, task, codes, k) for row in (BASE, rival)]
            gap = None if printed[0] is None or printed[1] is None else round(printed[0] - printed[1], 1)
            rows.append(line(f"{task.upper()} {group} k={k}", found, "level", gap, marks))
        yield Block(f"Few-shot: Hyper-X Base level with {rival.title} or better (Figure 6)", tuple(rows))


def _commands(results: Results, shown: Mapping[str, list[Shown]]) -> tuple[str, ...]:
    lines = (text for experiment, sets in shown.items() for text in results.commands(sets, experiment))
    return tuple(dict.fromkeys(lines))


def _shown(results: Results, few_shot: Mapping[str, Shots]) -> dict[str, list[Shown]]:
    """Return all that the lines stand on, by the experiment that makes it."""
    found: dict[str, list[Shown]] = {}
    for claim in CLAIMS:
        for experiment, side in zip(claim.experiments, (claim.more, claim.less), strict=True):
            of = results.conditions(experiment) if isinstance(side, Bars) else [side.runs(results)]
            found.setdefault(experiment, []).extend(one for one in of if one not in found[experiment])
    return {**found, "table5": shown_of(few_shot)}


def _said(results: Results, shown: Mapping[str, Iterable[Shown]]) -> tuple[str, ...]:
    """Return what was chosen or left out; two bodies are the point of the controls alone."""
    plain = [one for name, sets in shown.items() if name != "controls" for one in sets]
    texts = [*results.remarks(plain), *results.remarks(shown["controls"], several_bodies=True)]
    return tuple(dict.fromkeys(texts))


def build(results: Results) -> list[Table]:
    """Return the one table, a block a claim."""
    marks, resampler, few_shot = Marks(), Resampler(), results.few_shot("table5")
    blocks = [_block(results, resampler, claim, marks) for claim in CLAIMS]
    blocks += _few_shot_blocks(results, few_shot, resampler, marks)
    shown = _shown(results, few_shot)
    lists = [_LISTS] if backbone(results.scale.backbone).name in XLM_R_BACKBONES else []
    return [
        Table(
            stub="",
            columns=COLUMNS,
            blocks=tuple(blocks),
            layout="beside",
            heading=results.heading([one for sets in shown.values() for one in sets], NUMBERS),
            notes=marks.notes(),
            remarks=(HOW, VERDICTS, *lists, *_said(results, shown)),
            commands=_commands(results, shown),
            **results.named("claims"),
        )
    ]

"""The claims of Hyper-X, each a difference of two of our cells with its interval and a verdict (sections 5 and 6).

The groups are the paper's, by the pre-training of mBERT. A backbone that began as an XLM-R has the other division
beside them, by XLM-R's list; what its further training read is not known, so that no language is called unseen.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product

from hxbench.report.artifact.table import Block, Marks, Row, Table
from hxbench.report.paper import Claim, ClaimRuns
from hxbench.report.papers.hyperx.few_shot import protocol_of, shown_of
from hxbench.report.papers.hyperx.results import Results
from hxbench.report.papers.hyperx.rows import (
    BASE,
    FILE,
    GROUPS,
    LISTS,
    MADX,
    MBERT,
    ROWS,
    XLM_R_BACKBONES,
    help_from_targets,
    members,
    pairs,
    printed_score,
    printed_shot_mean,
)
from hxbench.report.scores.few_shot import AtK, Shots
from hxbench.report.scores.run_set import RunSet, Shown
from hxbench.report.stats.claims import COLUMNS, HOW, NUMBERS, VERDICTS, Expected, difference, line
from hxbench.report.stats.significance import Resampler
from hxbench.spec.recipe import backbone
from hxbench.spec.settings import Pair

_IN_LIST, _NOT_IN_LIST = LISTS[True], LISTS[False]


def _runs(results: Results, side: ClaimRuns) -> RunSet:
    """Return the runs behind a side: a row of Table 2, or the bars of a condition in a figure."""
    if side.experiment:
        return results.conditions(side.experiment)[side.position].run_set
    return results.run_set(ROWS[side.row].method, side.setting)


def _printed(claim: Claim, task: str, group: str) -> float | None:
    """Return the difference in the paper, which prints no values of bars."""
    if group not in GROUPS:
        return None
    if claim.printed:
        return printed_score(*claim.printed, task, group)
    if claim.more.experiment or claim.less.experiment:
        return None
    ours, theirs = (
        printed_score("Table 2", ROWS[side.row].published, FILE.blocks[side.setting].title, task, group)
        for side in (claim.more, claim.less)
    )
    return None if ours is None or theirs is None else round(ours - theirs, 1)


def _groups(results: Results, expects: Mapping[str, Expected]) -> dict[str, Expected]:
    """Return the groups that a claim is told of, with those by XLM-R's list where the backbone began as one.

    What is claimed of SEEN is asked of the languages in the list, what is claimed of UNSEEN of the others.
    """
    found = dict(expects)
    if backbone(results.scale.backbone).name in XLM_R_BACKBONES:
        lists = {"SEEN": _IN_LIST, "UNSEEN": _NOT_IN_LIST}
        found |= {lists[group]: expected for group, expected in expects.items() if group in lists}
    return found


def _lists() -> str:
    there, others = (", ".join(members(name)) for name in (_IN_LIST, _NOT_IN_LIST))
    return FILE.text("lists", there=there, others=others)


def _block(results: Results, resampler: Resampler, claim: Claim, marks: Marks) -> Block:
    more, less = (_runs(results, side) for side in (claim.more, claim.less))
    # what a side has that the other has not, and no zero-shot protocol allows
    helped = tuple(
        f"{results.title_of(side.method)}: {text}" for side in (more, less) if (text := help_from_targets(side))
    )
    rows = []
    for task, (group, expected) in product(results.tasks, _groups(results, claim.expects).items()):
        found = difference(resampler, more, less, pairs(task, group))
        found = replace(found, notes=(*found.notes, *helped)) if found.by_seed else found
        title = f"{task.upper()} {group}"
        rows.append(line(title, found, expected, _printed(claim, task, group), marks))
    return Block(claim.title, tuple(rows))


def _few_shot_blocks(
    results: Results, few_shot: Mapping[str, Shots], resampler: Resampler, marks: Marks
) -> Iterator[Block]:
    """Yield what the caption of Figure 6 says of Hyper-X, at the least and at the most sentences."""
    (_, least, *_, most), languages = protocol_of(few_shot)
    for rival in (MBERT, MADX):
        rows: list[Row] = []
        for task, group, k in product(results.tasks, ("SEEN", "UNSEEN"), (least, most)):
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
    for side in (side for claim in FILE.claims for side in (claim.more, claim.less)):
        of = results.conditions(side.experiment) if side.experiment else [_runs(results, side)]
        there = found.setdefault(side.experiment or "table2", [])
        there += [one for one in of if one not in there]
    return {**found, "table5": shown_of(few_shot)}


def _said(results: Results, shown: Mapping[str, Iterable[Shown]]) -> tuple[str, ...]:
    """Return what was chosen or left out; two backbones are the point of the controls alone."""
    plain = [one for name, sets in shown.items() if name != "controls" for one in sets]
    texts = [*results.remarks(plain), *results.remarks(shown["controls"], several_backbones=True)]
    return tuple(dict.fromkeys(texts))


def build(results: Results) -> list[Table]:
    """Return the one table, a block a claim."""
    marks, resampler, few_shot = Marks(), Resampler(), results.few_shot("table5")
    blocks = [_block(results, resampler, claim, marks) for claim in FILE.claims]
    blocks += _few_shot_blocks(results, few_shot, resampler, marks)
    shown = _shown(results, few_shot)
    lists = [_lists()] if backbone(results.scale.backbone).name in XLM_R_BACKBONES else []
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

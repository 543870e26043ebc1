"""What `--dry-run` prints, and what commands say before they begin: which runs there are, and what they take."""

import re
import sys
import textwrap
from collections.abc import Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from hxbench import network
from hxbench.cli.output import print_json, print_left_out, print_rows, terminal_width
from hxbench.cli.run_names import groups_of
from hxbench.printing import sentence

if TYPE_CHECKING:
    from hxbench.runs.scheduler.estimate import Durations
    from hxbench.runs.scheduler.launcher import Launcher
    from hxbench.runs.scheduler.outlook import Coming, Outlook
    from hxbench.runs.session import Session


def show_plan(session: "Session", launcher: "Launcher", left_out: "Mapping[str, int]") -> None:
    """Say which of the planned runs have to be done, and how long they take as far as the store tells."""
    from hxbench.report.artifact.table import format_value
    from hxbench.runs.scheduler.estimate import Durations, wall_seconds

    durations, todo = Durations(session.store.runs()), session.todo()
    print_left_out(session.store)
    count = _at_a_time(session, launcher)
    # of a cluster that takes as many as it can carry only this is known: not less than the longest run
    seconds, unknown = wall_seconds(todo, durations, count or len(todo))
    print_rows(_groups(session, durations), as_json=False)
    for text, times in left_out.items():
        print(f"left out, {times} run{'s' * (times > 1)}: {sentence(text)}")
    if not todo:
        print("\nNothing is to be done.\n", flush=True)
        return
    if unknown == len(todo):
        guess = "unknown, there are none like these in the store"
    else:
        guess = f"{'about' if count else 'at least'} {format_value(seconds, 'duration')}"
        guess += f", not counting {unknown} that are like none in the store" if unknown else ""
    print(
        f"\n{len(todo)} run{'s' * (len(todo) > 1)} to do{_how(launcher, count)}; estimated time: {guess}.\n",
        flush=True,
    )


def show_outlook(session: "Session", launcher: "Launcher", *, as_json: bool) -> None:
    """Print what the planned runs will take (`--dry-run`)."""
    from hxbench.runs.preview import Preview
    from hxbench.runs.scheduler.outlook import outlook

    assert isinstance(session, Preview)
    count = _at_a_time(session, launcher)
    found = outlook(session, count, gpu=_gives_gpus(launcher))
    lacking = session.lacking() if network.offline(session.offline) else None
    print_left_out(session.store)
    for note in session.cut_short():
        print(note, file=sys.stderr)
    groups = _groups(session, found.durations, as_json=as_json)
    if as_json:
        print_json({**_as_json(session, found, count, groups), "lacking": lacking}, indent=1)
        return
    print_rows(groups, as_json=False)
    print()
    for line in _sentences(session, launcher, found, count, lacking):
        print(textwrap.fill(line, terminal_width(), subsequent_indent="  ", break_long_words=False))


def _at_a_time(session: "Session", launcher: "Launcher") -> int | None:
    return launcher.at_a_time(max((one.job.spec.training.cpu_threads or 0 for one in session.todo()), default=0))


def _gives_gpus(launcher: "Launcher") -> bool:
    """Return whether sbatch is asked for GPUs, by an option or by the name of a partition."""
    from hxbench.runs.scheduler.on_slurm import OnSlurm

    if not isinstance(launcher, OnSlurm):
        return False
    pairs = zip_longest(launcher.options, launcher.options[1:], fillvalue="")
    return any(_asks_for_gpus(one if "=" in one else f"{one}={value}") for one, value in pairs)


def _asks_for_gpus(option: str) -> bool:
    """Return whether an option of sbatch does; the word alone does not, as a node's name may have it too."""
    name, _, value = option.partition("=")
    if name in ("--partition", "-p"):
        return "gpu" in value
    if name == "--gres":
        asked = [one for one in value.split(",") if re.match("gpu([:=]|$)", one)]
    else:
        asked = [value] if name == "-G" or name.startswith("--gpus") else []
    return any(re.split("[:=]", one)[-1] != "0" for one in asked)


def _how(launcher: "Launcher", count: int | None) -> str:
    return f"{launcher.how}, {f'{count} at a time' if count else 'as many at a time as the cluster takes'}"


def _groups(session: "Session", durations: "Durations", *, as_json: bool = False) -> list[dict[str, Any]]:
    """Return a row for runs that go by one name: how many there are, and how long each takes."""
    from hxbench.report.artifact.table import format_value

    rows = []
    for title, some in groups_of(session.planned.values()).items():
        todo = [one for one in some if not one.done]
        each = durations.mean(todo)
        shown = each if as_json or each is None else format_value(each, "duration")
        rows.append({"runs": title, "in the store": len(some) - len(todo), "to do": len(todo), "each": shown})
    return rows


def _sentences(
    session: "Session",
    launcher: "Launcher",
    found: "Outlook",
    count: int | None,
    lacking: "list[str] | None",
) -> "list[str]":
    from hxbench.report.artifact.table import format_value

    planned, todo = len(session.planned), found.to_do
    lines = [f"{planned - todo} of {planned} runs are in the store (matched without data fingerprints)."]
    if not todo:
        return [*lines, "Nothing is to be done."]
    assumed = f" ({found.assumed} runs in epochs, of training sets of an assumed size)" if found.assumed else ""
    lines.append(f"{todo} run{'s' * (todo > 1)} to do{_how(launcher, count)}: {found.updates:,} updates{assumed}.")
    if found.unknown < todo:
        until = f"{'about' if count else 'at least'} {format_value(found.seconds, 'duration')}"
        spent = {device: seconds / 3600 for device, seconds in found.device_seconds.items()}
        hours = [f"{f'{of:,.0f}' if of >= 10 else f'{of:.2g}'} {device} hours" for device, of in spent.items()]
        lines.append(f"Estimated time: {until}, {' and '.join(hours)}.")
    basis = [f"{found.by_store} by runs like them in the store"] if found.by_store else []
    basis += [f"{found.by_flops} by their FLOPs and {found.speed}"] if found.by_flops else []
    if found.unknown:
        basis.append(f"{found.unknown} unknown, as their FLOPs cannot be counted before their backbone is here")
    lines.append(f"Basis of the estimate: {'; '.join(basis)}.")
    kept, beside = (format_value(size, "bytes") for size in (found.kept, found.training))
    but = f", without the weights of {found.unknown} runs" if found.unknown else ""
    lines.append(f"Disk: {kept} in the store, {beside} more while runs train{but}.")
    lines += [_of_backbone(one, network.offline(session.offline)) for one in found.backbones]
    if lacking is not None:
        return [*lines, *(lacking or ["All data that these runs read are on this machine."])]
    fetched = session.source.kind == "hub"
    lines.append(
        f"The data are not read{' and their download is not counted' if fetched else ''}: "
        "what they lack is left out when the runs are done."
    )
    return lines


def _of_backbone(one: "Coming", offline: str) -> str:
    """Return where a backbone is or comes from; `offline` is what forbids the network."""
    from hxbench.report.artifact.table import format_value

    if one.here:
        fate = "is here"
    elif one.seconds:
        fate = f"is made here in about {format_value(one.seconds, 'duration')}"
    else:
        size = f"about {format_value(one.size, 'bytes')} " if one.size else ""
        fate = f"will be fetched, {size}from {one.origin}"
        fate = f"is not on this machine and {fate}, which {offline} forbids" if offline else fate
    return f"Backbone {one.name} {fate}."


def _as_json(
    session: "Session", found: "Outlook", count: int | None, groups: "list[dict[str, Any]]"
) -> dict[str, Any]:
    runs = [
        {"run": one.run_id if one.done else None, "title": one.job.spec.title, "done": one.done}
        for one in session.planned.values()
    ]
    return {
        "to_do": found.to_do,
        "in_the_store": len(runs) - found.to_do,
        "matched": "without data fingerprints",
        "workers": count,
        "updates": found.updates,
        "seconds": found.seconds,
        "device_hours": {device: seconds / 3600 for device, seconds in found.device_seconds.items()},
        "estimated_by": {"store": found.by_store, "flops": found.by_flops},
        "unknown": found.unknown,
        "speed": found.speed or None,
        "bytes": {"store": found.kept, "while_training": found.training},
        "backbones": [vars(one) for one in found.backbones],
        "groups": groups,
        "runs": runs,
    }

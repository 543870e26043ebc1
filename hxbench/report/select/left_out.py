"""What an artifact says of runs that are in none of its cells: once for each reason, whosever they are."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from hxbench.printing import shown
from hxbench.report.select.identity import Identity, beyond, said

_OWN = "data.described."  # what a user's own data are
_TITLE = f"{_OWN}title"


class Owner(NamedTuple):
    """Whose the runs are; `group` tells apart what one method has several of in a setting."""

    method: str
    setting: str
    group: str = ""


class LeftOut(str):
    """A remark on runs left out: how many each owner has, and how they differ from those that are shown.

    Of an owner that has none it says why, too.
    """

    counts: dict[Owner, int]
    why: str

    def __new__(cls, counts: dict[Owner, int], why: str) -> "LeftOut":
        """Write the remark."""
        count = sum(counts.values())
        methods: dict[tuple[str, ...], list[str]] = {}  # by the settings they share
        for method in dict.fromkeys(owner.method for owner in counts):
            settings = tuple(dict.fromkeys(owner.setting for owner in counts if owner.method == method))
            methods.setdefault(settings, []).append(method)
        names = ", ".join(f"{', '.join(some)} ({', '.join(settings)})" for settings, some in methods.items())
        said = f"left out: {count} run{'s' * (count > 1)} of {names}" if count else f"no runs of {names}"
        one = super().__new__(cls, f"{said}{f' {why}' * bool(why)}.")
        one.counts, one.why = counts, why
        return one

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return what makes it anew, for whoever copies it."""
        return self.counts, self.why


def difference(ours: Identity, wanted: Identity | None) -> str:
    """Return how runs differ from those that are shown; those on other backbones or data by that alone.

    A change of backbone changes its shape, the lengths of the data and the rates with it: the name says it all.
    """
    if wanted is None:
        return "of a method whose recipe is not known here"
    names = beyond(ours, wanted).get("backbone.name")
    if names:
        return f"with backbone.name {shown(names[0])} instead of {shown(names[1])}"
    own = {name: (ours.get(name), wanted.get(name)) for name in (_TITLE, *ours, *wanted) if name.startswith(_OWN)}
    if any(a != b for a, b in own.values()):
        mine, others = own[_TITLE]
        if mine == others:
            return f"on {shown(mine)} as it was described otherwise"
        return f"on other data ({shown(mine or 'what ships')} instead of {shown(others or 'what ships')})"
    changes = said(ours, wanted)
    return f"with {changes}" if changes else ""


def together(notes: Iterable[str]) -> list[str]:
    """Return the notes once each; those on runs left out for one reason are one, in the place of the first.

    What several artifacts or conditions say of the same runs is said once, as the first of them has it.
    """
    found: dict[str, str] = {}
    told: set[Owner] = set()
    for note in notes:
        if not isinstance(note, LeftOut):
            found[note] = note
            continue
        new = {owner: count for owner, count in note.counts.items() if owner not in told or not owner.group}
        told |= new.keys()
        before = found.get(key := f"left out {note.why}")
        if new:
            found[key] = LeftOut({**before.counts, **new} if isinstance(before, LeftOut) else new, note.why)
    return list(found.values())

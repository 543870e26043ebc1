"""Runs in the groups that a plan and a progress table speak of."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hxbench.stages.session import Planned


def groups_of(runs: "Iterable[Planned]") -> "dict[str, list[Planned]]":
    """Return the runs by what a plan calls them: method, setting, and what sets some of these apart."""
    alike: dict[str, list[Planned]] = {}
    for one in runs:
        spec = one.job.spec
        alike.setdefault(f"{spec.method} {spec.setting}{' few-shot' * bool(spec.few_shot)}", []).append(one)
    groups: dict[str, list[Planned]] = {}
    for title, some in alike.items():
        values = [one.job.spec.conditions for one in some]
        telling = [name for name in values[0] if len({value[name] for value in values}) > 1]
        for one, value in zip(some, values, strict=True):
            words = [title, *(value[name] for name in telling if value[name])]
            groups.setdefault(" ".join(words), []).append(one)
    return groups

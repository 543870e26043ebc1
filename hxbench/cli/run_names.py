"""What a plan, a progress table and a complaint call runs: in groups, and each by itself."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hxbench.runs.session import Planned


def groups_of(runs: "Iterable[Planned]") -> "dict[str, list[Planned]]":
    """Return the runs by what a plan calls them: method, setting, and what sets some of these apart."""
    alike: dict[str, list[Planned]] = {}
    for one in runs:
        spec = one.job.spec
        alike.setdefault(f"{spec.method} {spec.setting}{' few-shot' * bool(spec.few_shot)}", []).append(one)
    groups: dict[str, list[Planned]] = {}
    for title, some in alike.items():
        values = [{**one.job.spec.conditions, "backbone": one.job.spec.backbone.name} for one in some]
        for one, words in zip(some, _telling(values), strict=True):
            groups.setdefault(" ".join([title, *words]), []).append(one)
    return groups


def names_of(runs: "Sequence[Planned]") -> list[str]:
    """Return each run's title, with what tells it from others of the same title: backbone, budget, rate, or id."""
    alike: dict[str, list[int]] = {}
    for number, one in enumerate(runs):
        alike.setdefault(one.job.spec.title, []).append(number)
    names = [""] * len(runs)
    for title, numbers in alike.items():
        specs = [runs[number].job.spec for number in numbers]
        lines = _telling([{"backbone": s.backbone.name, "rate": f"rate {s.training.lr:g}"} for s in specs])
        for number, words in zip(numbers, lines, strict=True):
            last = [runs[number].run_id] if lines.count(words) > 1 else []
            names[number] = ", ".join([title, *words, *last])
    return names


def _telling(values: Sequence[dict[str, str]]) -> list[list[str]]:
    """Return, for each of the runs, its words for what not all of them have in common."""
    names = [name for name in values[0] if len({value[name] for value in values}) > 1]
    return [[value[name] for name in names if value[name]] for value in values]

"""What a plan, a progress table and a complaint call runs: in groups, and each by itself."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hxbench.runs.session import Planned
    from hxbench.spec.run_spec import RunSpec


def groups_of(runs: "Iterable[Planned]") -> "dict[str, list[Planned]]":
    """Return the runs by what a plan calls them: method, setting, and what sets some of these apart."""
    alike: dict[str, list[Planned]] = {}
    for one in runs:
        spec = one.job.spec
        alike.setdefault(f"{spec.method} {spec.setting}{' few-shot' * bool(spec.few_shot)}", []).append(one)
    groups: dict[str, list[Planned]] = {}
    for title, some in alike.items():
        values = [{**one.job.spec.conditions, **_of_a_grid(one.job.spec)} for one in some]
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
        rates = [{**_of_a_grid(spec), "rate": f"rate {spec.training.lr:g}"} for spec in specs]
        told = _telling(rates)
        for number, words in zip(numbers, told, strict=True):
            last = [runs[number].run_id] if told.count(words) > 1 else []
            names[number] = ", ".join([title, *words, *last])
    return names


def _of_a_grid(spec: "RunSpec") -> dict[str, str]:
    """Return what the runs of a grid may differ in that their titles do not say."""
    return {"backbone": spec.backbone.name}


def _telling(values: Sequence[dict[str, str]]) -> list[list[str]]:
    """Return, for each of the runs, its words for what not all of them have in common."""
    names = [name for name in values[0] if len({value[name] for value in values}) > 1]
    return [[value[name] for name in names if value[name]] for value in values]

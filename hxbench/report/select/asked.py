"""What experiments ask for at a profile: the runs of a block, and those of all blocks of a paper."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path

from hxbench import places
from hxbench.report.select.identity import Identity, identity, recipe_spec
from hxbench.spec import experiment, recipe
from hxbench.spec.recipe import ExperimentBlock
from hxbench.spec.run_spec import RunSpec

_REAL = ("mirror", "hub")  # two places of the same releases
Where = tuple[str, str]  # method and setting
_Wanted = tuple[Where, bool, Identity]  # and whether it is at the profile's seeds: rates that were tried are not


def specs(method: str, setting: str, paper: str, profile: str, block: ExperimentBlock) -> Iterator[RunSpec]:
    """Yield a run as a block wants it: with the profile's data, then with the other place of the same."""
    own = recipe.scale(profile, paper).data.get("origin")
    for origin in (own, *(place for place in _REAL if own in _REAL and place != own)):
        if spec := recipe_spec(method, setting, profile, block=block, origin=origin):
            yield spec


def _wanted_by(block: ExperimentBlock, paper: str, profile: str) -> Iterator[_Wanted]:
    for method in block.methods:
        for spec in specs(method, block.setting, paper, profile, block):
            yield (Path(method).stem, block.setting), not block.seeds, identity(spec)


@cache
def _shipped(paper: str, profile: str, _folders: tuple[Path, ...]) -> tuple[_Wanted, ...]:
    found = (one for name in recipe.recipe_names(paper) for one in experiment.blocks(paper, name, profile))
    return tuple(wanted for block in found for wanted in _wanted_by(block, paper, profile))


class Asked:
    """What a paper's experiments ask for beyond the plain recipes, and blocks of the user's `own`."""

    def __init__(self, paper: str, profile: str, own: Iterable[ExperimentBlock]) -> None:
        self._paper, self._profile, self._own = paper, profile, tuple(own)
        self._apart: dict[Where, set[str]] = {}

    def specs(self, method: str, setting: str, block: ExperimentBlock) -> Iterator[RunSpec]:
        """Yield the runs of a block at this profile, as the function of that name does."""
        return specs(method, setting, self._paper, self._profile, block)

    def wanted(self, method: str, setting: str, block: ExperimentBlock) -> Iterator[Identity]:
        """Yield the identities of these."""
        return map(identity, self.specs(method, setting, block))

    @cached_property
    def _all(self) -> tuple[dict[Where, list[Identity]], dict[Where, list[Identity]]]:
        # what a profile's name does not say, a backbone or data of the user's own, is an attribute of it
        read = _shipped if type(self._profile) is str else _shipped.__wrapped__
        found = list(read(self._paper, self._profile, places.recipe_folders()))
        for block in self._own:
            found += _wanted_by(block, self._paper, self._profile)
        every, compared = defaultdict(list), defaultdict(list)
        for where, is_compared, one in found:
            every[where].append(one)
            if is_compared:
                compared[where].append(one)
        return every, compared

    def every(self, method: str, setting: str) -> list[Identity]:
        """Return what is asked for of a method in a setting."""
        return self._all[0][method, setting]

    def compared(self, method: str, setting: str) -> list[Identity]:
        """Return the same at the profile's seeds: rates that were tried with others are not compared."""
        return self._all[1][method, setting]

    def told_apart(self, method: str, setting: str) -> set[str]:
        """Return the fields in which what is compared differs."""
        if (method, setting) not in self._apart:
            found = self.compared(method, setting)
            keys = {key for one in found for key in one} - {"data.origin"}
            differ = {key for key in keys if len({json.dumps(one.get(key)) for one in found}) > 1}
            self._apart[method, setting] = differ
        return self._apart[method, setting]

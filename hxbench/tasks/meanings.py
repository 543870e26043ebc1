"""Tasks and languages that no collection has: described in users' data, in stored runs and in exports."""

from collections.abc import Callable, Container, Mapping
from typing import Generic, TypeVar

from hxbench.errors import InputError

E = TypeVar("E")


class Declared(Generic[E]):
    """What has been declared by name in this process; the first meaning of a name is kept."""

    def __init__(self, kind: str, shipped: Callable[[], Container[str]]) -> None:
        self.kind, self.shipped = kind, shipped
        self.known: dict[str, E] = {}

    def declare(self, entries: Mapping[str, E]) -> None:
        """Make names known, unless they mean something else already; `ValueError` for one that ships.

        A run of the other meaning can be listed, but not used (`require_meaning`).
        """
        for name, entry in entries.items():
            if name in self.shipped():
                raise ValueError(f"the {self.kind} {name} ships with hxbench, and needs no entry")
            self.known.setdefault(name, entry)

    def require_meaning(self, entries: Mapping[str, E], what: str) -> None:
        """Raise `InputError` for a name that stands for something else in this process."""
        for name, entry in entries.items():
            if self.known.setdefault(name, entry) != entry:
                raise InputError(
                    f"{what}: the {self.kind} {name} is described in another way, too: give one another name."
                )

"""Which profile a report is about: numbers of two never share a table."""

from collections.abc import Iterable

from hxbench.spec import recipe

_DEFAULT = "demo"


def choose_profile(there: Iterable[str], given: str | None) -> tuple[str, list[str]]:
    """Return the profile and what to say about the choice: the given one, the store's only one, else `demo`.

    `there` are the profiles that have runs.
    """
    if given is not None:
        recipe.load("profiles", given)  # an unknown name is told at once
        return given, []
    there = sorted(there)
    known = [name for name in there if name in recipe.recipe_names("profiles")]
    chosen = known[0] if len(known) == 1 else _DEFAULT
    if others := [name for name in there if name != chosen]:
        # a profile of the user's own is named by its file
        return chosen, [f"the store also has runs of {', '.join(others)}: see them with --profile."]
    return chosen, []

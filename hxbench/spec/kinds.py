"""How runs of one kind of method are told apart by their options: `kinds/KIND.yaml` among the recipes."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from hxbench import places
from hxbench.closed import Closed, read_mapping, validated


class KindRecipe(Closed):
    """Words for options: a text with `{}` for the value, or a word for some of the values."""

    told_apart: dict[str, str | dict[str, str]] = Field(default_factory=dict)
    join: str = " "


@cache
def _recipe(kind: str, folders: tuple[Path, ...]) -> KindRecipe:
    path = next((file for folder in folders if (file := folder / "kinds" / f"{kind}.yaml").is_file()), None)
    if path is None:
        return KindRecipe()
    return validated(KindRecipe, read_mapping(path), str(path))


def told_apart(kind: str, options: Mapping[str, Any]) -> str:
    """Return what is unusual in the options of a run of some kind, in words; nothing for the usual ones."""
    if os.path.basename(kind) != kind or kind.startswith("."):
        return ""
    recipe = _recipe(kind, places.recipe_folders())
    way = options.get("answering")  # which a method of any kind may have been told
    found = [f"{way} head" if way in ("token", "class") else ""]
    for option, words in recipe.told_apart.items():
        value = options.get(option)
        if isinstance(words, str):
            found.append(words.format(value) if value else "")
        else:
            found.append(words.get(str(value).lower() if isinstance(value, bool) else str(value), ""))
    return recipe.join.join(filter(None, found))

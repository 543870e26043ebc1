"""Recipes by name or file, safely loaded, `extends` merged underneath.

Those with a name are in the folders of `recipes`: ours, and that of every package which the entry point group
`hxbench.recipes` names. Families alone may come by `hxbench.families`, and that of a backbone in its folder.
"""

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hxbench import places
from hxbench.closed import read_mapping, validated
from hxbench.errors import InputError, did_you_mean
from hxbench.printing import shortened, shown
from hxbench.spec.backbone import BackboneSpec, Weights
from hxbench.spec.recipe.family import Family
from hxbench.spec.recipe.schema import ExperimentRecipe, MethodRecipe, PaperScale, ProfileRecipe, VariantRecipe
from hxbench.spec.settings import sides_of
from hxbench.tasks.data_file import read_data_file
from hxbench.tasks.description import OwnData

_YAML = (".yaml", ".yml")
OWN_FAMILY = "hxbench-family.yaml"  # beside the config.json of a backbone: the entry of its family
_LARGEST_FAMILY = 100_000  # bytes
_LONGEST_CHAIN = 20  # of recipes that extend each other
_KINDS: dict[str, type[BaseModel]] = {
    "backbones": BackboneSpec,
    "families": Family,
    "methods": MethodRecipe,
    "profiles": ProfileRecipe,
    "variants": VariantRecipe,
}
_OTHERS = ("data", "kinds", "peft")  # folders beside them, which `tasks`, `kinds` and the kind `peft` read


def _files(kind: str) -> dict[str, Path]:
    """Return the recipes of a kind by name; `InputError` for a name that two folders have."""
    found: dict[str, Path] = {}
    for folder in places.folders_of(kind):
        for path in sorted(folder.glob("*.yaml"), key=lambda one: one.name):
            if path.stem in found:
                raise InputError(f"{_called(kind)} {path.stem} is there twice: {found[path.stem]} and {path}.")
            found[path.stem] = path
    return found


def _is_shipped(kind: str, name: str) -> bool:
    """Return whether there is a recipe of this name, without a look at the others."""
    plain = Path(name).name == name
    return plain and any(os.path.isfile(folder / f"{name}.yaml") for folder in places.folders_of(kind))


def recipe_names(kind: str) -> list[str]:
    """Return the names of the recipes of a kind, methods and the like (`_KINDS`), or of a paper's experiments."""
    return sorted(_files(kind))


def papers() -> list[str]:
    return [*_papers_in(places.recipe_folders())]


@cache
def _papers_in(folders: tuple[Path, ...]) -> tuple[str, ...]:
    found = [name for folder in folders for name in sorted(one.name for one in folder.iterdir() if one.is_dir())]
    return tuple(name for name in dict.fromkeys(found) if name not in (*_KINDS, *_OTHERS) and name[0] not in "._")


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the layers laid over each other, later ones winning, nested mappings merged."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
            merged[key] = merge(merged[key], value) if both else value
    # `updates` and `epochs` say the same thing in two units: the later layer's unit replaces the other
    if units := next((u for layer in reversed(layers) if (u := layer.keys() & {"updates", "epochs"})), None):
        for other in {"updates", "epochs"} - units:  # a layer that gives both is refused by the schema
            merged.pop(other, None)
    return merged


def read_yaml(path: Path, kind: str, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Return the mapping in a YAML file, safely loaded, with its `extends` parents merged underneath.

    A parent is a recipe of the same folder, or else a shipped one of this `kind`: then what the file states holds
    at every profile that it says nothing else of. `below` are the files that extend it.
    """
    values = read_mapping(path, _LARGEST_FAMILY) if kind == "families" else read_mapping(path)
    parent = values.pop("extends", None)
    if parent is None:
        return values
    chain = (*below, path)
    file = _parent(path, parent, kind, chain)
    inherited = read_yaml(file, kind, chain)
    return merge(inherited if file.parent == path.parent else _giving_way(inherited, values), values)


def _parent(path: Path, name: object, kind: str, chain: tuple[Path, ...]) -> Path:
    """Return the file of the recipe that the one at `path` extends."""
    if not isinstance(name, str) or not name or Path(name).name != name:
        raise InputError(
            f"{path}: extends takes the name of a recipe, shipped or in the same folder "
            f"(given: {shortened(repr(name))})."
        )
    if len(chain) > _LONGEST_CHAIN:
        raise InputError(f"{path}: more than {_LONGEST_CHAIN} recipes extend each other.")
    beside = path.parent / (name if Path(name).suffix in _YAML else f"{name}.yaml")
    if beside in chain:
        others = " → ".join(one.name for one in (*chain[chain.index(beside) :], beside))
        raise InputError(f"{path}: extends leads back to where it began: {others}.")
    if os.path.isfile(beside) or Path(name).suffix in _YAML:
        return beside
    files = _files(kind)
    if name not in files:
        raise InputError(f"{path}: extends: {did_you_mean(_called(kind), name, sorted(files))}")
    return files[name]


def _giving_way(shipped: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shipped recipe without what its profiles, or a profile's papers, have in the place of `values`."""
    layers = {part: shipped[part] for part in ("profiles", "papers") if shipped.get(part)}
    own = {part: {k: _without(v, values) for k, v in layer.items()} for part, layer in layers.items()}
    return {**shipped, **own}


def _without(layer: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return a layer without the fields that are stated otherwise; updates and epochs are one field."""
    gone = {*stated, *({"updates", "epochs"} if stated.keys() & {"updates", "epochs"} else ())}
    left = {k: v for k, v in layer.items() if k not in gone}
    both = [k for k in layer if isinstance(layer[k], Mapping) and isinstance(stated.get(k), Mapping)]
    return {**left, **{k: _without(layer[k], stated[k]) for k in both}}


def _called(kind: str) -> str:
    """Return what a person calls a recipe of this kind."""
    if kind == "families":
        return "family"
    return kind.removesuffix("s") if kind in _KINDS else "experiment"


def paper_of(path: Path) -> str:
    """Return the paper of an experiment of the user's own: as the file says, else as what it extends does."""
    paper = _known(path, read_mapping(path).get("paper", papers()[0]))
    return _known(path, read_yaml(path, paper).get("paper", paper))


def _known(path: Path, paper: object) -> str:
    if not isinstance(paper, str) or paper not in papers():
        raise InputError(f"{path}: {did_you_mean('paper', str(paper), papers())}")
    return paper


class OnGround(str):
    """A profile, by its name or file, with what was asked for in the place of its backbone, or beside its data."""

    backbone: BackboneSpec | None  # whose sizes are none of the profile's
    given: str  # the backbone as it was asked for
    own: OwnData | None

    def __new__(
        cls, profile: str, *, backbone: BackboneSpec | None = None, given: str = "", own: OwnData | None = None
    ) -> "OnGround":
        one = super().__new__(cls, profile)
        one.backbone, one.given, one.own = backbone, given, own
        return one


def backbone_asked(profile: str) -> str:
    """Return the backbone that was asked for in the place of the profile's; nothing where none was."""
    return profile.given if isinstance(profile, OnGround) and profile.backbone else ""


def own_data(profile: str) -> OwnData | None:
    """Return the user's own data that were asked for, else those of the profile."""
    if isinstance(profile, OnGround) and profile.own:
        return profile.own
    found: ProfileRecipe = load("profiles", profile)
    return _described_in(Path(found.data_file)) if found.data_file else None


@cache
def _described_in(path: Path) -> OwnData:
    return read_data_file(path)


def scale(profile: str, paper: str) -> ProfileRecipe:
    """Return a profile as one paper has it, on the backbone and with the data that were asked for (`OnGround`)."""
    found = _scale(profile, paper)
    update: dict[str, Any] = {}
    if isinstance(profile, OnGround) and profile.backbone:
        update |= {"backbone": profile.backbone, "sizes": {}}
    if own := own_data(profile):
        for side in own.described.partitions:  # refused by every command before it reads anything
            sides_of(side, own.described)
        described = own.described.model_dump(mode="json", exclude_defaults=True)
        update["data"] = {**found.data, "described": described}
        if own.described.extends is None:  # whose files are its own, wherever what ships comes from
            update["data"]["origin"] = "mirror"
    return found.model_copy(update=update)


def _scale(profile: str, paper: str) -> ProfileRecipe:
    found: ProfileRecipe = load("profiles", profile)
    own = found.papers.get(paper)
    if own is None:
        return found
    update = {
        "backbone": own.backbone or found.backbone,
        "sizes": {**found.sizes, **own.sizes},
        "seeds": own.seeds or found.seeds,
        "draws": own.draws or found.draws,
        "data": merge(found.data, own.data),
        "training": merge(found.training, own.training),
        "notes": (*found.notes, *own.notes),
    }
    return found.model_copy(update=update)


def _unknown(kind: str, name: str, known: list[str]) -> InputError:
    """Return what is said of a name that no recipe has; it may be that of a kind of method."""
    from importlib.metadata import entry_points  # which imports much

    of_kinds: dict[str, list[str]] = {}
    if kind == "methods":
        of_kinds = {point.name: [] for point in entry_points(group="hxbench.methods")}
        for one in known:
            of_kinds.setdefault(load(kind, one).kind, []).append(one)
    if (own := of_kinds.get(name)) is not None:
        told = f"its recipes are {', '.join(own)}" if own else f"write one that says kind: {name}"
        return InputError(f"no recipe is called {name}, which is a kind of method: {told}.")
    return InputError(did_you_mean(_called(kind), name, sorted({*known, *of_kinds})))


@cache
def load(kind: str, name: str) -> Any:
    """Return the recipe `name` of a kind; a path to a YAML file of the user's own is taken as well."""
    model = _KINDS.get(kind, ExperimentRecipe)
    path = Path(name)
    own = path.suffix in _YAML
    if not own:
        files = _files(kind)
        if name not in files:
            raise _unknown(kind, name, sorted(files))
        path = files[name]
    values = read_yaml(path, kind)
    if kind == "families":
        values.setdefault("name", path.stem)
    found = validated(model, values, str(path.name))
    if isinstance(found, MethodRecipe):
        _require_families(found, path)
    return _beside(path, found) if own else found


def family(model_type: str, folder: Path | None = None) -> Family | None:
    """Return the entry of a family: the one in a backbone's folder, else that of its name; None without either."""
    if folder is not None and os.path.lexists(folder / OWN_FAMILY):
        return family_in(folder / OWN_FAMILY, model_type)
    found: Family | None = load("families", model_type) if _is_shipped("families", model_type) else None
    return found


def family_in(path: Path, model_type: str) -> Family:
    """Return the entry in a file of the user's own, read anew; `InputError` for one of another type."""
    if path.is_symlink():
        raise InputError(f"{path}: it is a link, and an entry is a file of its own.")
    values = read_yaml(path, "families")
    if values.setdefault("name", model_type) != model_type:
        raise InputError(f"{path}: name: it is of {shown(values['name'])}, and config.json says {model_type}.")
    return validated(Family, values, path.name)


def entry_digest(found: Family) -> str:
    """Return what tells an entry from others, whatever is written where; nothing for one of ours."""
    ours = places.shipped("recipes") / "families" / f"{found.name}.yaml"
    if ours.is_file() and found == load("families", found.name):
        return ""
    # without the defaults: a field that is added does not change what an entry of before says
    text = found.model_dump_json(exclude_defaults=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _require_families(recipe: MethodRecipe, path: Path) -> None:
    """Raise `InputError` for a family of backbones that no entry is of."""
    scaled = (*recipe.profiles.values(), *recipe.variants.values())
    if named := {name for one in scaled for name in one.families}:
        known = recipe_names("families")
        if lost := sorted(named.difference(known)):
            raise InputError(f"{path.name}: {did_you_mean('family', lost[0], known)}")


def _beside(path: Path, found: Any) -> Any:
    """Return a recipe of the user's own with the YAML files it names looked for beside it."""

    def place(name: str) -> str:
        return str(path.parent / name) if Path(name).suffix in _YAML else name

    def backbone_of(name: Any) -> Any:  # a folder, too, is looked for there first
        if not isinstance(name, str) or not name:
            return name
        return str(path.parent / name) if (path.parent / name / "config.json").is_file() else place(name)

    def backbones(one: ProfileRecipe | PaperScale) -> dict[str, Any]:
        return {
            "backbone": backbone_of(one.backbone),
            "sizes": {size: backbone_of(name) for size, name in one.sizes.items()},
        }

    if isinstance(found, ProfileRecipe):
        papers = {paper: own.model_copy(update=backbones(own)) for paper, own in found.papers.items()}
        return found.model_copy(update={**backbones(found), "papers": papers, "data_file": place(found.data_file)})
    if isinstance(found, ExperimentRecipe):
        blocks = [
            b.model_copy(update={"methods": tuple(map(place, b.methods)), "backbone": backbone_of(b.backbone)})
            for b in found.blocks
        ]
        includes, data_file = tuple(map(place, found.includes)), place(found.data_file)
        return found.model_copy(update={"blocks": tuple(blocks), "includes": includes, "data_file": data_file})
    return found


def backbone(name: str | BackboneSpec, weights: Weights = "pretrained") -> BackboneSpec:
    """Return a backbone by recipe name or YAML file, else a local folder with a `config.json`, else a hub name."""
    if isinstance(name, BackboneSpec):
        return name.model_copy(update={"weights": weights})
    path = Path(name)
    if path.suffix in _YAML or _is_shipped("backbones", name):
        return load("backbones", name).model_copy(update={"weights": weights})
    if (path / "config.json").is_file():
        return BackboneSpec(name=path.name, folder=str(path.resolve()), weights=weights)
    if name.count("/") == 1 and not path.exists() and ".." not in name and not name.startswith(("/", ".")):
        return BackboneSpec(name=name, hub=name, weights=weights)
    known = did_you_mean("backbone", name, recipe_names("backbones"))
    raise InputError(f"{known} A folder with a config.json or a hub name like owner/model works too.")

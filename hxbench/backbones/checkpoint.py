"""A backbone's files against each other: what a folder holds, and whether weights and configuration fit.

What the library cannot place it leaves out, and what it does not find it draws at random; either trains on as if
nothing were. So its loading report is read here, and the numbers of a configuration are held against the tensors
that the weights list before anything of their size is made.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

from hxbench.backbones.families import Family, family_of
from hxbench.backbones.tokenizer import WHOLE, tokenizer_files
from hxbench.errors import InputError
from hxbench.printing import shortened
from hxbench.spec.architecture import CONFIG, architecture_in
from hxbench.spec.backbone import SIZES, impossible_size

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"  # of weights in several files
_PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt")
_NEEDED = f"{CONFIG}, {WHOLE} or a vocabulary file, {WEIGHTS}"
UNPICKLED = (
    "where you trust them, transformers writes others: AutoModel….from_pretrained(NAME).save_pretrained(FOLDER)"
)
_NAMED = 3  # tensors that a refusal names; the others are counted
_LONGEST = 120  # characters of a name or a value that a refusal repeats
_SLACK = 2  # times as many parameters as the weights have; a head that they lack is far less


def require_files(folder: Path) -> list[Path]:
    """Return the files that a backbone in `folder` consists of; `InputError` says what is missing."""
    if not folder.is_dir():
        raise InputError(f"backbone folder {folder}: there is no such folder.")
    if (folder / "adapter_config.json").exists():
        raise InputError(f"backbone folder {folder} holds an adapter (adapter_config.json), not a whole model.")
    if not (folder / CONFIG).is_file():
        raise InputError(f"backbone folder {folder}: {CONFIG} is missing (needed: {_NEEDED}).")
    return [folder / CONFIG, *tokenizer_files(folder), *weight_files(folder)]


def weight_files(folder: Path) -> list[Path]:
    """Return the file of the weights, or the index and all the files it names; `InputError` if one is missing."""
    whole, index = folder / WEIGHTS, folder / INDEX
    if whole.is_file():
        return [whole]
    if not index.is_file():
        advice = f"needed: {_NEEDED}"
        if other := next((path.name for kind in _PICKLED for path in sorted(folder.glob(kind))), None):
            advice = f"pickled weights such as {other} are never loaded, as that runs code of theirs; {UNPICKLED}"
        raise InputError(f"backbone folder {folder}: {whole.name} is missing ({advice}).")
    try:
        read = json.loads(index.read_text(encoding="utf-8"))
        names = sorted(set(read["weight_map"].values()))
        dict(read["metadata"])  # which the library asks for
        strange = [name for name in names if Path(name).name != name or not name.endswith(".safetensors")]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError(f"{index} is damaged: it does not say which file has which tensor.") from None
    if strange or not names:
        raise InputError(f"{index}: it names a file that is no safetensors file of its folder.")
    lost = [name for name in names if not (folder / name).is_file()]
    if lost:
        raise InputError(
            f"backbone folder {folder}: {_counted(lost, 'file')} of the weights, which {INDEX} names, "
            f"{'is' if len(lost) == 1 else 'are'} missing."
        )
    return [index, *(folder / name for name in names)]


def listed_tensors(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a backbone's weights by name, without reading the weights.

    Raises `InputError` for a file that is cut or damaged.
    """
    from safetensors import SafetensorError, safe_open

    found: dict[str, tuple[int, ...]] = {}
    for path in weight_files(folder):
        if path.name == INDEX:
            continue
        try:
            with safe_open(path, framework="numpy") as file:
                found |= {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise InputError(f"{path} is cut or damaged ({error}): copy or save it once more.") from None
    return found


def require_sizes(config: Any) -> None:
    """Raise `InputError` for a configuration with a number that no model of its kind has."""
    # what the library calls a number and what the family does are both attributes
    if wrong := impossible_size({name: getattr(config, name) for name in SIZES if hasattr(config, name)}):
        raise InputError(f"config.json: {wrong}.")


def require_shape(config: Any, family: Family, tensors: Mapping[str, Sequence[int]], parameters: int) -> None:
    """Raise `InputError` where weights with these `tensors` are not those of a model of so many `parameters`."""
    for stack in family.parts.values():
        place = re.compile(rf"(?:^|\.){re.escape(stack.layers)}\.(\d+)\.")
        numbers = [int(one[1]) for name in tensors if (one := place.search(name))]
        wanted = int(getattr(config, stack.depth))
        if numbers and max(numbers) + 1 != wanted:
            raise InputError(
                f"config.json gives {wanted:,} layers ({stack.layers}), but the weights have {max(numbers) + 1:,}."
            )
    require_parameters(parameters, sum(map(prod, tensors.values())))


def require_parameters(parameters: int, there: int) -> None:
    """Raise `InputError` for a model of far more parameters than `there` are numbers in its weights."""
    if parameters > _SLACK * there:
        raise InputError(
            f"config.json is of a model with {parameters:,} parameters, but the weights have {there:,}."
        )


def family_in(folder: Path) -> Family:
    """Return the family of a backbone's folder by its configuration; `InputError` for none that is known."""
    return family_of(architecture_in(folder), folder)


def lacks_head(family: Family, tensors: Iterable[str]) -> bool:
    """Return whether weights are those of an encoder alone, without its language-modelling head."""
    return family.stacks == "encoder" and not any(map(_in_head(family), tensors))


def _in_head(family: Family) -> Callable[[str], bool]:
    """Return whether a tensor of a name is one of the language-modelling head."""
    heads = tuple(f"{path}." for path in family.head)
    return lambda name: name.startswith(heads)


def drawn_tensors(
    family: Family, tensors: Iterable[str], report: Mapping[str, Any], others: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the names of what the library drew because the weights lack it: a whole head, or nothing.

    `report` is the library's on loading weights that list `tensors`, of which `others` may be left over. Raises
    `InputError` for whatever else is missing, left over or of another shape.
    """
    missing = set(report["missing_keys"])
    head = set(filter(_in_head(family), missing)) if lacks_head(family, tensors) else set()
    beside = re.compile("|".join(family.beside)) if family.beside else None
    left = {name for name in report["unexpected_keys"] if not (beside and beside.fullmatch(name))} - {*others}
    other = [
        f"{name} {_shape(found)} instead of {_shape(wanted)}" for name, found, wanted in report["mismatched_keys"]
    ]
    wrong = [
        f"{_counted(names, 'tensor')} {what}"
        for names, what in (
            (missing - head, "missing"), (left, "left over"), (other, "of another shape"),
        )
        if names
    ]  # fmt: skip
    if wrong:
        raise InputError(f"the weights do not fit config.json: {'; '.join(wrong)}.")
    return tuple(sorted(head))


@contextmanager
def quietly() -> Iterator[None]:
    """Keep back what the library says while it loads: its report is read, and an own output matrix is meant."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _counted(names: Iterable[str], what: str) -> str:
    """Return how many there are, and the first of them by name."""
    ordered = sorted(names)
    more = ", …" if len(ordered) > _NAMED else ""
    named = ", ".join(map(_short, ordered[:_NAMED]))
    return f"{len(ordered)} {what}{'' if len(ordered) == 1 else 's'} ({named}{more})"


def _shape(value: Any) -> str:
    return "×".join(map(str, value)) or "one number"


def _short(value: Any) -> str:
    return shortened(value if isinstance(value, str) else repr(value), _LONGEST)

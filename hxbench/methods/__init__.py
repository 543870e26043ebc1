"""Methods: what is trained on top of a backbone, one file each, found by name through one registry."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from hxbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from hxbench.methods.method import Method

_OWN = {
    "hyperx": "hxbench.methods.hyperx:HyperX",
    "finetune": "hxbench.methods.full:Full",
    "psf": "hxbench.methods.psf:PSF",
    "language-adapter": "hxbench.methods.language_adapter:LanguageAdapter",
    "madx": "hxbench.methods.madx:MadX",
    "pretraining": "hxbench.methods.full:Pretraining",
    "pha": "hxbench.methods.pha:PHA",
    "prompt": "hxbench.methods.prompt:PromptTuning",
    "spot": "hxbench.methods.prompt:Spot",
    "attempt": "hxbench.methods.attempt:Attempt",
    "mpt": "hxbench.methods.mpt:Mpt",
    "mpt-source": "hxbench.methods.mpt:MptSource",
    "text-finetune": "hxbench.methods.full:Full",
    "adapter": "hxbench.methods.adapter:Adapter",
    "hyperformer": "hxbench.methods.hyperformer:Hyperformer",
    "pet-ft": "hxbench.methods.full:PetFull",
    "pet-prompt": "hxbench.methods.prompt:PetPrompt",
    "pet-bitfit": "hxbench.methods.bitfit:Bitfit",
    "pet-lora": "hxbench.methods.lora:Lora",
    "pet-adapter": "hxbench.methods.adapter:PetAdapter",
    "apet": "hxbench.methods.apet:Apet",
    "peft": "hxbench.methods.peft:Peft",
    "hyperdecoder": "hxbench.methods.hyperdecoder:Hyperdecoder",
}


_EARLIER = ("language-adapter", "pretraining")  # answer no task: they are trained on raw text for others


def _others() -> dict[str, str]:
    """Return the kinds that other packages register."""
    return {point.name: point.value for point in entry_points(group="hxbench.methods")}


def kinds() -> tuple[str, ...]:
    """Return the kinds of methods that answer tasks."""
    return tuple(kind for kind in {**_OWN, **_others()} if kind not in _EARLIER)


@cache
def method_class(kind: str) -> "type[Method]":
    """Return the class behind a recipe's `kind`: one of ours, or one that another package registered."""
    others = _others()
    if clash := sorted(_OWN.keys() & others.keys()):
        raise InputError(f"method kind '{clash[0]}' is registered twice: by hxbench and by {others[clash[0]]}.")
    known = _OWN | others
    if kind not in known:
        named = did_you_mean("method kind", kind, list(known))
        raise InputError(f"{named} To add a kind, install a package with the entry point hxbench.methods.")
    module, _, name = known[kind].partition(":")
    found = getattr(import_module(module), name)
    from hxbench.methods.method import Method

    if not (isinstance(found, type) and issubclass(found, Method)):
        raise InputError(f"method kind '{kind}': {known[kind]} is not a Method.")
    return found

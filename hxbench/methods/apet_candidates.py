"""What an APET may tune: every tensor of the backbone, and inserted modules of all three operations (section 5).

ADD: an addend to a layer's output, as BitFit's. CONCAT: virtual tokens, and LoRA's branches. PLUG: adapters. They
are as large and begin as in the four methods of their names; the units are named by kind, so that sorting them is
the same on any machine.

Where modules are drawn (`module_units`), a tensor of the backbone is one of ADD: tuning it adds to it. All virtual
tokens together are one module, as they stand at one site.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import widths_of
from hxbench.methods.adapter import SEQUENTIAL, PetAdapterOptions
from hxbench.methods.lora import ROLES, LoraOptions
from hxbench.methods.prompt import PetPromptOptions, first_tokens
from hxbench.modules.low_rank import start_down
from hxbench.modules.placement import Unit, one_tensor
from hxbench.modules.sparse_values import holders_of

PROMPT, LORA, ADAPTER = PetPromptOptions(), LoraOptions(), PetAdapterOptions()
SIDES = ("down", "up", "down_bias", "up_bias")  # of an adapter; of a branch the first two


class Candidates(NamedTuple):
    """The units of one backbone in the order of the model; `inserted` by the PET method whose modules they are."""

    existing: tuple[Unit, ...]
    inserted: dict[str, tuple[Unit, ...]]
    tables: frozenset[str]  # existing ones that are embeddings, an output matrix tied to them included
    twice: frozenset[str]  # addends to the output of a layer with a bias of its own

    def sizes(self) -> dict[str, int]:
        """Return the budgets that have a name: the sizes of the four methods (PET scaling, table 2)."""
        return {name: sum(unit.size for unit in units) for name, units in self.inserted.items()}


def module_units(found: Candidates, places: str, *, embeddings: bool) -> list[Unit]:
    """Return what is drawn with equal chance where modules are drawn, at the `places` of an APET's options.

    With both kinds of places an addend to a layer that has a bias is left out: tuning that bias is the same.
    """
    units = []
    if places != "inserted":
        units += [unit for unit in found.existing if embeddings or unit.name not in found.tables]
    if places != "existing":
        tokens = tuple(one for unit in found.inserted["prompt"] for one in unit.tensors)
        units += [Unit("prompt", tokens), *found.inserted["lora"], *found.inserted["adapter"]]
        again = found.twice if places == "all" else frozenset()
        units += [unit for unit in found.inserted["bitfit"] if unit.name not in again]
    return units


def candidates(backbone: Backbone, root: nn.Module | None = None) -> Candidates:
    """Return what may be tuned in a backbone, its own tensors in `root`, with which it answers."""
    root = root or backbone.answering_root
    hidden, tensors = backbone.hidden_size, dict(root.named_parameters())
    branches = {
        place.name: ((LORA.rank, place.width_in), (place.width_out, LORA.rank))
        for place in backbone.projections(*ROLES)
    }
    width = ADAPTER.bottleneck or 0
    adapter = ((width, hidden), (hidden, width), (width,), (hidden,))
    depths = {position: backbone.layers_at(position) for position in backbone.family.site_names(*SEQUENTIAL)}
    sites = [f"{name}.{n}" for n in range(max(depths.values())) for name, depth in depths.items() if n < depth]
    biased = backbone.biased()
    holders = holders_of(root)
    return Candidates(
        tuple(one_tensor(name, tensors[name].shape) for name in holders),
        {
            "prompt": tuple(one_tensor(f"token.{n}", (backbone.embedded_size,)) for n in range(PROMPT.tokens)),
            "bitfit": tuple(one_tensor(f"bias.{name}", (widths_of(one)[1],)) for name, one in biased.items()),
            "lora": tuple(_module(f"lora.{name}", shapes) for name, shapes in branches.items()),
            "adapter": tuple(_module(f"adapter.{site}", adapter) for site in sites),
        },
        frozenset(n for n, places in holders.items() if any(isinstance(p.module, nn.Embedding) for p in places)),
        frozenset(f"bias.{name}" for name, one in biased.items() if getattr(one, "bias", None) is not None),
    )


def _module(name: str, shapes: tuple[tuple[int, ...], ...]) -> Unit:
    sides = zip(SIDES, shapes, strict=False)
    return Unit(name, tuple((f"{name}.{side}", shape) for side, shape in sides), pair=True)


def begun(unit: Unit, backbone: Backbone) -> dict[str, Tensor]:
    """Return the tensors of an inserted unit as its PET method begins them."""
    kind, _, place = unit.name.partition(".")
    if kind == "token":
        number = int(place)
        return {unit.name: first_tokens(backbone, number + 1, PROMPT.start, PROMPT.std)[number]}
    made: dict[str, Tensor] = {}
    for name, shape in unit.tensors:
        side, tensor = name.rpartition(".")[2], torch.zeros(shape)
        if kind == "lora" and side == "down":
            start_down(tensor)
        elif kind == "adapter" and side in ("down", "up"):
            tensor.normal_(std=ADAPTER.initial_std)
        made[name] = tensor
    return made

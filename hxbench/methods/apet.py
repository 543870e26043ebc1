"""APET: as many parameters as the budget says, at random places (PET scaling, section 5).

The places are entries of the backbone's own tensors and of inserted modules. Of an inserted module with some
chosen entries the others stay as they began, and one without any is not there. What is drawn are modules of all
three operations (`modules`). Where single entries are drawn (`discrete`), CONCAT comes as low-rank branches alone:
at the budget of a method nearly all hundred virtual tokens would get an entry, and each text would be read with a
hundred frozen vectors more. They take no part in the published code either.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from itertools import accumulate
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from hxbench.answering import answering_in
from hxbench.answering.answer import Condition
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.families import Family, Projection
from hxbench.backbones.load import meta_backbone
from hxbench.backbones.sites import SiteKey, SiteWeights
from hxbench.closed import Closed, added, validated
from hxbench.methods.adapter import SEQUENTIAL
from hxbench.methods.apet_candidates import ADAPTER, LORA, SIDES, Candidates, begun, candidates, module_units
from hxbench.methods.lora import ROLES
from hxbench.methods.method import Method, Setup
from hxbench.methods.options import PetOptions
from hxbench.modules.bottleneck import ACTIVATIONS, BottleneckWeights
from hxbench.modules.low_rank import in_fused, low_rank
from hxbench.modules.placement import Placement, Unit, adjacent, discrete, modules, published, require_budget
from hxbench.modules.sparse_values import Entries, holders_of, standing_for
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.run_spec import RunSpec

NAMED = ("prompt", "bitfit", "lora", "adapter")  # budgets: the sizes of these methods (PET scaling, table 2)
SMALLEST = 100
_TOGETHER = "together"  # what the one tensor of all inserted ones is called


def _budget(value: Any) -> Any:
    if value not in NAMED and not (type(value) is int and value >= SMALLEST):
        raise ValueError(f"a budget is {', '.join(NAMED[:-1])} or {NAMED[-1]}, or a whole number from {SMALLEST}")
    return value


Budget = Annotated[int | str, BeforeValidator(_budget)]


class ApetOptions(PetOptions):
    """How many parameters, and where."""

    budget: Budget = "lora"  # a number, or the size of a PET method on the same backbone
    # modules of all sites, single entries over everything, runs of entries, the published rule
    mode: Literal["modules", "discrete", "adjacent", "code"] = "discrete"
    places: Literal["all", "existing", "inserted"] = "all"  # of all but the published rule
    embeddings: bool = added(False)  # of modules: whether they are drawn, too; the others always have them
    positions: Annotated[int, Field(ge=0)] | None = None  # the seed of the places; the run's without one


def placement_of(found: Candidates, options: ApetOptions, seed: int) -> Placement:
    """Return the places that the options and a seed give; `InputError` for a budget that cannot be met."""
    budget = _budget_in(found, options)
    if options.mode == "code":
        return published(found.inserted["lora"] + found.inserted["adapter"], found.existing, budget, seed)
    place = {"modules": modules, "discrete": discrete, "adjacent": adjacent}[options.mode]
    return place(_units_in(found, options), budget, seed)


def _budget_in(found: Candidates, options: ApetOptions) -> int:
    return found.sizes()[options.budget] if isinstance(options.budget, str) else options.budget


def _units_in(found: Candidates, options: ApetOptions) -> list[Unit]:
    """Return what is drawn from, of all modes but the published rule."""
    if options.mode == "modules":
        return list(module_units(found, options.places, embeddings=options.embeddings))
    units = list(found.existing) if options.places != "inserted" else []
    if options.places != "existing":
        kinds = [kind for kind in found.inserted if options.mode == "adjacent" or kind != "prompt"]
        units += [unit for kind in kinds for unit in found.inserted[kind]]
    return units


class Apet(Method):
    """The entries at the places of the options' seed, or of the run's."""

    Options: ClassVar[type[Closed]] = ApetOptions
    roles = SEQUENTIAL
    transfers = True
    begun: Tensor  # what is inserted, as it begins, one tensor behind the other

    def __init__(self, setup: Setup, options: ApetOptions) -> None:
        super().__init__(setup, options)
        backbone, root = self.backbone, self.answering_root
        found = candidates(backbone, root)
        self.placement = placement_of(found, options, _seed_of_places(options, setup.seed))
        self._holders = holders_of(root)
        self._existing = dict(root.named_parameters())
        begun_as = {
            name: tensor
            for unit in (one for some in found.inserted.values() for one in some)
            if any(name in self.placement for name, _ in unit.tensors)
            for name, tensor in begun(unit, backbone).items()
        }
        self._inserted = {name: tensor.shape for name, tensor in begun_as.items()}
        self.chosen = nn.ModuleDict()
        places = {n: torch.from_numpy(self.placement[n]) for n in self._existing if n in self.placement}
        if places:
            self.chosen["existing"] = Entries(self._existing, places)
        if begun_as:
            # all in one, as they are small and many
            self.register_buffer("begun", torch.cat([t.reshape(-1) for t in begun_as.values()]), persistent=False)
            starts = accumulate((t.numel() for t in begun_as.values()), initial=0)
            shifted = [
                start + self.placement[n]
                for n, start in zip(begun_as, starts, strict=False)
                if n in self.placement
            ]
            self.chosen["inserted"] = Entries(
                {_TOGETHER: self.begun}, {_TOGETHER: torch.from_numpy(np.concatenate(shifted))}
            )
        self._now: dict[str, Tensor] | None = None  # the inserted tensors, while the backbone is read
        self._attach(backbone)

    @classmethod
    def require(cls, spec: RunSpec, family: Family) -> None:
        """Raise `InputError` for a budget that the backbone cannot meet, before it is made or fetched."""
        super().require(spec, family)
        if spec.backbone.family:  # else its files will tell
            options = validated(ApetOptions, spec.options, f"options of {spec.method}")
            kind = answering_in(spec, family.stacks)
            found = _candidates_of(spec.backbone.model_dump_json(), kind is None or kind.writes)
            if options.mode == "code":  # takes whole tensors, none of which may fit
                placement_of(found, options, _seed_of_places(options, spec.seed))
            else:  # nothing else can be wrong, and to draw among billions takes long
                require_budget(_units_in(found, options), _budget_in(found, options))

    def _inserted_now(self) -> dict[str, Tensor]:
        """Return the inserted tensors with the entries as they are now."""
        if not self._inserted:
            return {}
        together = self._part("inserted").written({_TOGETHER: self.begun})[_TOGETHER]
        parts = together.split([shape.numel() for shape in self._inserted.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self._inserted.items(), parts, strict=True)}

    def _attach(self, backbone: Backbone) -> None:
        for name, module in backbone.biased().items():
            if (bias := f"bias.{name}") in self._inserted:
                self.adding(module, partial(self._bias, bias))
        for place in backbone.projections(*ROLES):
            if f"lora.{place.name}.down" in self._inserted:
                self.adding(place.module, partial(self._branch, f"lora.{place.name}", place))

    def _bias(self, name: str, _hidden: Tensor, output: Tensor) -> Tensor | None:
        return None if self._now is None else self._now[name].to(output.dtype)

    def _branch(self, name: str, place: Projection, hidden: Tensor, output: Tensor) -> Tensor | None:
        if self._now is None:
            return None
        added = low_rank(hidden, self._now[f"{name}.down"], self._now[f"{name}.up"], LORA.alpha / LORA.rank)
        return (added if place.part is None else in_fused(added, place.part)).to(output.dtype)

    def weights(self, condition: Condition) -> Mapping[SiteKey, SiteWeights]:
        found: dict[SiteKey, SiteWeights] = {}
        now = self._now or {}
        for name in now:
            kind, _, place = name.partition(".")
            if kind == "adapter" and place.endswith(".down"):
                position, layer, _ = place.split(".")
                parts: dict[str, Any] = {side: now[f"adapter.{position}.{layer}.{side}"] for side in SIDES}
                weights = BottleneckWeights(**parts, activation=ACTIVATIONS[ADAPTER.activation])
                found[SiteKey(int(layer), position)] = weights
        return found

    def prompt(self, embedded: Tensor, text: Tensor, condition: Condition) -> Tensor | None:
        """Return the virtual tokens that are there, [batch, tokens, hidden], the same for every row."""
        tokens = [tensor for name, tensor in (self._now or {}).items() if name.startswith("token.")]
        return torch.stack(tokens).expand(len(embedded), -1, -1) if tokens else None

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Let the backbone and the inserted modules have the values at the chosen places."""
        if self._now is not None:  # in this context already
            yield
            return
        existing = self._part("existing").written(self._existing) if "existing" in self.chosen else {}
        self._now = self._inserted_now()
        try:
            with standing_for(existing, self._holders):
                yield
        finally:
            self._now = None

    def _part(self, name: str) -> Entries:
        part = self.chosen[name]
        assert isinstance(part, Entries)
        return part

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {name: list(part.parameters()) for name, part in self.chosen.items()}

    def drawn(self) -> list[nn.Parameter]:
        return list(self.chosen.parameters())

    def remove(self) -> None:
        """Take the inserted modules out and put the backbone's values back."""
        super().remove()
        if "existing" in self.chosen:
            self._part("existing").undo(self._existing)


def _seed_of_places(options: ApetOptions, seed: int) -> int:
    """Return the seed of the places: its own, or the run's."""
    return seed if options.positions is None else options.positions


@cache
def _candidates_of(backbone: str, writes: bool) -> Candidates:
    """Return what may be tuned in a backbone, given as JSON, from its shape; once for all runs on it."""
    found = meta_backbone(BackboneSpec.model_validate_json(backbone))
    return candidates(found, found.model if writes else found.body)

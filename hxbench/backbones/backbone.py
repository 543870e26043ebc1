"""A stock language model with its tokenizer and the map of its parts, which the entry of its family gives."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from hxbench.backbones.families import first_path
from hxbench.backbones.sites import SiteKey
from hxbench.spec.recipe.family import Family, ProjectionRole, SiteRole, Stack, StackName

Side = Literal["reading", "answering"]  # encoder and decoder, or the lower and the upper half of one stack


class Layers(NamedTuple):
    """One stack of a model."""

    name: StackName
    stack: Stack
    layers: list[nn.Module]


class Projection(NamedTuple):
    """A linear projection of one layer: a module of its own, or one part of a fused one."""

    name: str  # the layer's number over all stacks, and the path in it or, of a part, the role
    module: nn.Module
    place: int | None  # of a part among the parts of its module
    groups: int  # of a part: how often the parts follow each other in the output, once each
    width_in: int
    width_out: int


@dataclass
class Backbone:
    """A stock language model, masked, text-to-text or causal, with its tokenizer and the map of its parts."""

    model: nn.Module
    tokenizer: Any
    family: Family
    drawn: tuple[str, ...] = ()  # names of the tensors that the weights lacked: a language-modelling head

    @property
    def body(self) -> nn.Module:
        """The encoder, embeddings included, without any head; of a text-to-text model all of it."""
        return self.model.get_submodule(self.family.body)

    @property
    def mlm_head(self) -> nn.Module:
        """The head that maps [n, hidden] to [n, vocabulary]."""
        parts = [self.model.get_submodule(path) for path in self.family.head]
        return parts[0] if len(parts) == 1 else nn.Sequential(*parts)

    @property
    def output(self) -> nn.Linear:
        """The output matrix [vocabulary, hidden] of that head, which may be tied to the word embeddings."""
        found = self.model.get_submodule(self.family.output)
        assert isinstance(found, nn.Linear)
        return found

    @property
    def answering_root(self) -> nn.Module:
        """What answers are made with: of an encoder alone not the language-modelling head."""
        return self.body if self.chooses else self.model

    @property
    def is_text_to_text(self) -> bool:
        """Whether it has an encoder and a decoder, as T5."""
        return self.family.stacks == "encoder-decoder"

    @property
    def chooses(self) -> bool:
        """Whether it is an encoder alone, as BERT: it writes nothing, and a head has to choose among classes."""
        return self.family.stacks == "encoder"

    @property
    def hidden_size(self) -> int:
        """Width of the hidden states."""
        return self._number(self.family.width)

    @property
    def heads(self) -> int:
        """Number of attention heads in a layer."""
        return self._number(self.family.heads)

    @property
    def longest(self) -> int | None:
        """The largest number of tokens it can read, where its positions are limited."""
        name = self.family.longest
        return None if name is None else self._number(name) - self.family.offset

    def _number(self, name: str) -> int:
        return int(getattr(self.model.config, name))

    @property
    def stacks(self) -> list[Layers]:
        """Its stacks with their layers, the encoder first."""
        body = self.body
        return [
            Layers(name, stack, list(body.get_submodule(stack.layers)))  # type: ignore[call-overload]
            for name, stack in self.family.parts.items()
        ]

    def sites(self, role: SiteRole, side: Side | None = None) -> list[SiteKey]:
        """Return the sites of a role, stack by stack and layer by layer; none where the family has no such place.

        Of one side alone: `reading` is the encoder of two stacks and the lower half of one, whose middle layer
        goes to the upper; `answering` is the rest.
        """
        both, found = self.stacks, []
        for number, (name, stack, layers) in enumerate(both):
            if role not in stack.sites:
                continue
            for layer in range(len(layers)):
                reads = number == 0 if len(both) > 1 else layer < len(layers) // 2
                if side in (None, "reading" if reads else "answering"):
                    found.append(SiteKey(layer, self.family.site_name(name, role)))
        return found

    def projections(self, *roles: ProjectionRole) -> list[Projection]:
        """Return the linear projections of these roles, stack by stack, layer by layer, in the order of the roles.

        Those of cross-attention have roles of their own. What a layer lacks is passed over.
        """
        found = []
        numbered = enumerate((stack, layer) for _, stack, layers in self.stacks for layer in layers)
        for number, (stack, layer) in numbered:
            for role in roles:
                if fused := stack.fusion_of(role):
                    module: Any = layer.get_submodule(fused.module)
                    groups = self.heads if fused.layout == "heads" else 1
                    width, place = module.out_features // len(fused.roles), fused.roles.index(role)
                    one = Projection(f"{number}.{role}", module, place, groups, module.in_features, width)
                elif path := first_path(layer, stack.projections.get(role, ())):
                    module = layer.get_submodule(path)
                    one = Projection(f"{number}.{path}", module, None, 1, module.in_features, module.out_features)
                else:
                    continue
                found.append(one)
        return found

    def biased(self) -> dict[str, nn.Module]:
        """Return the modules whose output BitFit adds to, by their names in stored units, in the model's order."""
        body, family, found = self.body, self.family, {}
        for _, stack, layers in self.stacks:
            for number, layer in enumerate(layers):
                for path in _biased_in(stack, layer):
                    found[layer.get_submodule(path)] = f"{family.called(stack)}.{number}.{path}"
        for path in family.biases:
            found[body.get_submodule(path)] = ".".join(filter(None, (family.body, path)))
        return {found[module]: module for module in self.model.modules() if module in found}

    def norms(self) -> list[nn.Parameter]:
        """Return the parameters of every layer normalisation of the body, in its order."""
        body = self.body
        found = {body.get_submodule(path) for path in self.family.norms}
        for _, stack, layers in self.stacks:
            found |= {layer.get_submodule(path) for layer in layers for path in stack.norms}
        return [parameter for norm in body.modules() if norm in found for parameter in norm.parameters()]

    @property
    def layer_count(self) -> int:
        """Number of transformer layers; of a text-to-text model those of the encoder (`layers_at` knows all)."""
        return self.depths[0]

    def layers_at(self, position: str) -> int:
        """Return the number of layers that have a position: an encoder and its decoder may differ in depth."""
        return len(self.body.get_submodule(self.family.stack_of(position)))  # type: ignore[arg-type]

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of layers of every stack, the encoder's first."""
        return tuple(len(layers) for _, _, layers in self.stacks)

    def draw(self, *key: int) -> None:
        """Draw what the weights lacked (`drawn`) from a key alone, whatever was drawn before in this process.

        As the architecture begins: matrices N(0, initializer_range²), LayerNorms 1, biases 0. An output matrix
        that is tied to the word embeddings is none of it.
        """
        parts = dict(self.model.named_parameters())
        seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])
        generator = torch.Generator().manual_seed(seed)
        for name in self.drawn:
            tensor = parts.get(name)
            if tensor is None or tensor.is_meta:  # tied to one that comes under another name
                continue
            with torch.no_grad():
                if tensor.dim() > 1:
                    std = float(self.model.config.initializer_range)  # type: ignore[union-attr, arg-type]
                    tensor.copy_(torch.empty(tensor.shape).normal_(std=std, generator=generator))
                else:
                    tensor.fill_(1.0 if name.endswith("weight") else 0.0)


def _biased_in(stack: Stack, layer: nn.Module) -> Iterator[str]:
    """Yield the paths in a layer of the modules that BitFit adds to."""
    for role in stack.biases:
        if role == "norms":
            yield from stack.norms
        elif fused := stack.fusion_of(role):
            yield fused.module
        elif path := first_path(layer, stack.projections[role]):
            yield path

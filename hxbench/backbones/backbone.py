"""A backbone: a stock model with its tokenizer, its numbers, and its parts by what its family calls them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hxbench.backbones.families import (
    Family,
    Layers,
    Part,
    Projection,
    ProjectionRole,
    Side,
    SiteRole,
    has,
    widths_of,
)
from hxbench.backbones.sites import SiteKey
from hxbench.spec.recipe.family import Fused, Stack

_SHARED: tuple[ProjectionRole, ...] = ("key", "value", "cross_key", "cross_value")  # by several heads of queries


@cache
def name_of_cache() -> str:
    """Return what transformers calls the keys and values of a text that was read: renamed in version 5.24."""
    from transformers.modeling_outputs import BaseModelOutputWithPast

    return "cache" if any(one.name == "cache" for one in fields(BaseModelOutputWithPast)) else "past_key_values"


class _Cap(nn.Module):
    """Logits, bounded smoothly (Gemma 2)."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, logits: Tensor) -> Tensor:
        return torch.tanh(logits / self.most) * self.most


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
        if self.family.cap and (cap := getattr(self.model.config, self.family.cap, None)) is not None:
            parts.append(_Cap(cap))
        return parts[0] if len(parts) == 1 else nn.Sequential(*parts)

    @property
    def output(self) -> nn.Linear:
        """The output matrix [vocabulary, hidden] of that head, which may be tied to the word embeddings."""
        found = self.model.get_submodule(self.family.output)
        assert isinstance(found, nn.Linear)
        return found

    @property
    def answering_root(self) -> nn.Module:
        """What answers are usually made with: of an encoder alone not the language-modelling head."""
        return self.body if self.chooses else self.model

    @property
    def is_text_to_text(self) -> bool:
        """Whether it has an encoder and a decoder, as T5."""
        return self.family.stacks == "encoder-decoder"

    @property
    def chooses(self) -> bool:
        """Whether it is an encoder alone, as BERT: it writes nothing, and a head has to choose among classes."""
        return self.family.stacks == "encoder"

    def _number(self, name: str) -> int:
        return int(getattr(self.model.config, name))

    @property
    def hidden_size(self) -> int:
        return self._number(self.family.width)

    @property
    def embedded_size(self) -> int:
        """Width of embedded tokens, which an encoder may project to that of its hidden states."""
        words: Any = self.body.get_submodule(self.family.words)
        return int(words.weight.shape[1])

    @property
    def heads(self) -> int:
        return self._number(self.family.heads)

    @property
    def key_heads(self) -> int:
        """Number of heads of keys and values in a layer, each of which may serve several heads of queries."""
        return self._number(self.family.key_heads or self.family.heads)

    @property
    def longest(self) -> int | None:
        """The largest number of tokens it can read, where its positions are limited."""
        name = self.family.longest
        return None if name is None else self._number(name) - self.family.offset

    @property
    def end(self) -> int:
        """The token that ends a text: its tokenizer's, as that is learned, without one the configuration's."""
        given = getattr(self.tokenizer, "eos_token_id", None)
        if given is None:
            given = getattr(self.model.config, "eos_token_id", None)
        return int(next(iter(given), 0) if isinstance(given, list | tuple) else given or 0)

    @property
    def padding(self) -> int:
        """The token that fills up sequences, which masks hide: the configuration's, or the end's without one."""
        given = getattr(self.model.config, "pad_token_id", None)
        return self.end if given is None or given < 0 else int(given)

    @property
    def stacks(self) -> list[Layers]:
        """Its stacks with their layers, the encoder first."""
        return [
            Layers(name, stack, list(self.body.get_submodule(stack.layers)))  # type: ignore[call-overload]
            for name, stack in self.family.parts.items()
        ]

    @property
    def depths(self) -> tuple[int, ...]:
        """Number of layers of every stack, the encoder's first."""
        return tuple(len(stack.layers) for stack in self.stacks)

    @property
    def layer_count(self) -> int:
        """Number of transformer layers; of a text-to-text model those of the encoder (`layers_at` knows all)."""
        return self.depths[0]

    def layers_at(self, position: str) -> int:
        """Return the number of layers that have a position: an encoder and its decoder may differ in depth."""
        return len(self.body.get_submodule(self.family.stack_of(position)))  # type: ignore[arg-type]

    def sites(self, role: SiteRole, side: Side | None = None) -> list[SiteKey]:
        """Return the sites of a role, stack by stack and layer by layer; none where the family has no such site.

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
                    module = layer.get_submodule(fused.module)
                    width_in, width = widths_of(module)
                    part, own = self._part(fused, role, width)
                    found.append(Projection(f"{number}.{role}", module, part, width_in, own))
                elif path := next((one for one in stack.projections.get(role, ()) if has(layer, one)), None):
                    module = layer.get_submodule(path)
                    found.append(Projection(f"{number}.{path}", module, None, *widths_of(module)))
        return found

    def _part(self, fused: Fused, role: ProjectionRole, width: int) -> tuple[Part, int]:
        """Return which part of a fused layer's output, so many numbers wide, is of a role, and its width."""
        shares = [self.key_heads if one in _SHARED else self.heads for one in fused.roles]
        place, groups = fused.roles.index(role), self.key_heads if fused.layout == "heads" else 1
        before, own, behind = (
            width * sum(some) // sum(shares)
            for some in (shares[:place], shares[place : place + 1], shares[place + 1 :])
        )
        return Part(groups, before // groups, behind // groups), own

    def biased(self) -> dict[str, nn.Module]:
        """Return the modules whose output BitFit adds to, by their names in stored units, in the model's order."""
        family, found = self.family, {}
        for _, stack, layers in self.stacks:
            for number, layer in enumerate(layers):
                for path in _biased_paths(stack, layer):
                    found[id(layer.get_submodule(path))] = f"{family.called(stack)}.{number}.{path}"
        for path in family.biases:
            found[id(self.body.get_submodule(path))] = ".".join(filter(None, (family.body, path)))
        able = {found[id(module)]: module for module in self.model.modules() if id(module) in found}
        if family.adds_biases:
            return able
        return {name: module for name, module in able.items() if getattr(module, "bias", None) is not None}

    def norm_layers(self) -> list[nn.Module]:
        """Return all layer normalisations of the body, in its order."""
        body, optional = self.body, self.family.optional
        paths = [(body, path) for path in self.family.norms if path not in optional or has(body, path)]
        paths += [(one, path) for _, stack, layers in self.stacks for one in layers for path in stack.norms]
        wanted = {id(root.get_submodule(path)) for root, path in paths}
        return [module for module in body.modules() if id(module) in wanted]

    def norms(self) -> list[nn.Parameter]:
        """Return the parameters of every layer normalisation of the body, in its order."""
        return [parameter for norm in self.norm_layers() for parameter in norm.parameters()]

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


def _biased_paths(stack: Stack, layer: nn.Module) -> Iterator[str]:
    """Yield the paths of the modules in a layer that BitFit may add to."""
    for role in stack.biases:
        if role == "norms":
            yield from stack.norms
        elif fused := stack.fusion_of(role):
            yield fused.module
        else:
            yield from [path for path in stack.projections[role] if has(layer, path)][:1]

"""Any method of `peft` by its type, on any family: `hxbench list methods --peft` says which type answers how.

Most types wrap modules, which are named by the roles of a family's entry; of a fused projection the whole layer is
wrapped. Others give virtual tokens, or keys and values that stand before those of the text in every layer.
"""

import inspect
import re
import warnings
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hxbench.answering import COLUMNS
from hxbench.answering.answer import Answered, Condition
from hxbench.backbones.backbone import Backbone, name_of_cache
from hxbench.backbones.families import Family, Stacks
from hxbench.closed import Closed, validated
from hxbench.errors import InputError, Uncounted
from hxbench.methods.method import Method, Setup
from hxbench.methods.peft_options import PeftOptions, Target, in_one_line, tried
from hxbench.modules import adalora
from hxbench.modules.wrapped import ADAPTER, Wrapped
from hxbench.spec.run_spec import RunSpec
from hxbench.tasks.encoding.batch import Batch

_TARGETS: dict[str, tuple[Target, ...]] = {
    "IA3": ("key", "value", "cross_key", "cross_value", "down"),
    "LN_TUNING": ("norms",),
    "TRAINABLE_TOKENS": ("words",),
    "BEFT": ("value",),
}
_USUAL: tuple[Target, ...] = ("query", "value")
_COLUMN = {both: column for column, both in COLUMNS.items()}
_SOFT = {  # what makes virtual tokens, or keys and values
    "PROMPT_TUNING": "PromptEmbedding",
    "MULTITASK_PROMPT_TUNING": "MultitaskPromptEmbedding",
    "P_TUNING": "PromptEncoder",
    "PREFIX_TUNING": "PrefixEncoder",
    "CARTRIDGE": "CartridgeEncoder",
}
_FROM_WORDS = ("PROMPT_TUNING", "MULTITASK_PROMPT_TUNING")
_CACHED = ("PREFIX_TUNING", "CARTRIDGE")  # keys and values before those of the text


class Peft(Method):
    """One configuration of `peft`: what its options name, or what a subclass makes of options of its own."""

    Options: ClassVar[type[Closed]] = PeftOptions
    imports: ClassVar[tuple[str, ...]] = ("peft", "peft.tuners.lora", "peft.utils.transformers_weight_conversion")
    transfers = True

    def __init__(self, setup: Setup, options: Closed) -> None:
        super().__init__(setup, options)
        self.chosen = self.configured(options)
        if type(self).extra_loss is Peft.extra_loss:
            self.adds_loss = self.chosen.type == "ADALORA"
        self.soft: Any = None  # what makes virtual tokens, or keys and values
        self.shared = nn.ModuleList()  # what wrapped modules have together
        self._wrapped: list[Wrapped] = []  # one, or none of a prompt
        self._parts: dict[str, list[nn.Parameter]] = {}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._make()
        except InputError:
            raise
        except Exception as error:  # whatever a type has against a backbone
            title = self.backbone.family.title
            # of a value that does not fit there is a ValueError, with weights or without
            if next(self.model.parameters()).is_meta and isinstance(error, RuntimeError):
                raise Uncounted(
                    f"{self.chosen.type} of peft cannot be counted without the weights of {title}."
                ) from None
            raise InputError(
                f"{self.chosen.type} of peft does not work on {title}: {in_one_line(error)}."
            ) from None

    @classmethod
    def configured(cls, options: Any) -> PeftOptions:
        """Return what its options ask of `peft`."""
        own: PeftOptions = options
        return own

    def configuration(self, **more: Any) -> Any:
        """Return the configuration of `peft`; `more` is what the backbone and the run say."""
        return self.chosen.configuration(**more)

    def words(self) -> nn.Module:
        """Return the embeddings of tokens that virtual ones may begin as."""
        model: Any = self.model
        found: nn.Module = model.get_input_embeddings()
        return found

    @classmethod
    def refusal(cls, options: Mapping[str, Any], answering: str, stacks: Stacks) -> str | None:
        """Return why a type does not work with a way to answer, by the table of the installed version."""
        if (other := super().refusal(options, answering, stacks)) or "type" not in options:
            return other
        said = tried(str(options["type"])).get(_COLUMN[answering, stacks], "works")
        return None if said == "works" else said

    @classmethod
    def require(cls, spec: RunSpec, family: Family) -> None:
        """Raise `InputError` for roles that a family has not, and for a schedule that the run is too short for."""
        super().require(spec, family)
        if not issubclass(cls.Options, PeftOptions):  # options of a subclass's own: what they ask is fixed
            return
        options = cls.configured(validated(cls.Options, spec.options, f"options of {spec.method}"))
        known = {role for stack in family.parts.values() for role in stack.roles} | {"norms", "words"}
        if lost := next((role for role in options.targets or () if role not in known), None):
            raise InputError(
                f"options of {spec.method}: targets: {family.title} has no {lost} (there are: "
                f"{', '.join(sorted(known))})."
            )
        if options.type == "MULTITASK_PROMPT_TUNING" and spec.foreign:
            raise InputError(
                f"{spec.method} has factors for each task it was made for: none for {spec.foreign[0]}."
            )
        if options.type == "ADALORA":
            adalora.require_schedule(options.configuration(), spec.training.updates or 2**31)

    def _make(self) -> None:
        from peft import PromptLearningConfig

        if self.chosen.type == "BOFT":  # else a compiler would be looked for, and numbers would depend on it
            from peft.tuners.boft import layer

            layer.get_fbd_cuda = lambda: None
        if isinstance(self.configuration(), PromptLearningConfig):
            self._make_soft()
        else:
            self._wrap()

    def _wrap(self) -> None:
        options, names = self.chosen, targets_of(self.backbone, self.chosen)
        more: dict[str, Any] = {} if options.type == "ADAPTION_PROMPT" else {"target_modules": names}
        if options.type == "IA3":
            fed = {id(one.module) for one in self.backbone.projections("up", "down", "gate")}
            more["feedforward_modules"] = [name for name in names if id(self.model.get_submodule(name)) in fed]
        self._wrapped = [Wrapped(self.model, options.type, self.configuration(**more), names)]
        self.shared.extend(self._wrapped[0].shared)
        for name, p in self._wrapped[0].trained().items():
            self._parts.setdefault(_part(name), []).append(p)

    def _make_soft(self) -> None:
        """Make what gives virtual tokens, or keys and values."""
        from peft import tuners

        options, backbone, width = self.chosen, self.backbone, self.backbone.embedded_size
        if cached := options.type in _CACHED:
            width = backbone.projections("key")[0].width_out
        more = {"token_dim": width, "num_layers": backbone.layer_count, "num_transformer_submodules": 1}
        more["num_attention_heads"] = backbone.key_heads if cached else backbone.heads
        if options.type in ("P_TUNING", "PREFIX_TUNING") and "encoder_hidden_size" not in options.fields:
            more["encoder_hidden_size"] = width
        if options.type == "MULTITASK_PROMPT_TUNING":
            more["num_tasks"] = len(self.places)
        config = self.configuration(**more)
        words = [self.words()] if options.type in _FROM_WORDS else []
        self.tokens = config.num_virtual_tokens
        self.soft = getattr(tuners, _SOFT[options.type])(config, *words)
        self._parts = {"prompt": [p for p in self.soft.parameters() if p.requires_grad]}
        if cached:
            taken = inspect.signature(self.body.forward).parameters
            if backbone.is_text_to_text or name_of_cache() not in taken:
                raise ValueError("its one stack would have to take keys and values from before a text")
            hook = self.body.register_forward_pre_hook(self._before_the_body, with_kwargs=True)
            self._removals.append(hook.remove)

    def _virtual(self) -> Tensor:
        """Return the places of virtual tokens, [1, tokens]."""
        return torch.arange(self.tokens, device=next(self.soft.parameters()).device)[None]

    def prompt(self, embedded: Tensor, text: Tensor, condition: Condition) -> Tensor | None:
        """Return the virtual tokens of every row, [batch, tokens, hidden]."""
        if self.soft is None or self.chosen.type in _CACHED:
            return None
        if self.chosen.type != "MULTITASK_PROMPT_TUNING":
            one: Tensor = self.soft(self._virtual())
            return one.expand(len(embedded), -1, -1)
        places = torch.arange(len(self.places), device=condition.tasks.device)
        found: Tensor = self.soft(self._virtual().expand(len(places), -1), places)
        return found[condition.tasks]

    def _before_the_body(
        self, _module: nn.Module, args: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the body keys and values to look back at; a text that is read on has them in its cache already."""
        from transformers import DynamicCache

        self._require_room(named)
        rows = len(named["inputs_embeds"])
        if named.get(name_of_cache()) is None:
            flat = self.soft(self._virtual())  # [1, tokens, layers · 2 · key width]
            flat = flat.unflatten(-1, (self.backbone.layer_count, 2, self.backbone.key_heads, -1))
            both = flat.permute(2, 3, 0, 4, 1, 5).expand(-1, -1, rows, -1, -1, -1)
            device = both.device.type
            if device != "meta" and torch.is_autocast_enabled(device):  # a layer's own keys are of that type, too
                both = both.to(torch.get_autocast_dtype(device))
            cache = DynamicCache()
            for layer, (keys, values) in enumerate(both):
                cache.update(keys, values, layer)
            named[name_of_cache()] = cache
        if (mask := named.get("attention_mask")) is not None:
            named["attention_mask"] = torch.cat([mask.new_ones(*mask.shape[:-1], self.tokens), mask], dim=-1)
        return args, named

    def _require_room(self, named: Mapping[str, Any]) -> None:
        """Raise `InputError` where a prefix and what is read have no room, or do not see each other."""
        mask, length = named.get("attention_mask"), named["inputs_embeds"].shape[1]
        length = self.tokens + (length if mask is None else mask.shape[-1])
        positions = None if self.backbone.family.counts_positions else self.backbone.longest
        if positions is not None and length > positions:
            raise InputError(
                f"{self.tokens} virtual tokens and {length - self.tokens} tokens of text are more than the "
                f"{positions} positions of the backbone."
            )
        window = getattr(self.model.config, "sliding_window", None)
        if window is not None and length > window:  # padding between counts, so a text would depend on others
            raise InputError(
                f"{self.tokens} virtual tokens and {length - self.tokens} tokens of text are more than the "
                f"{window} that {self.backbone.family.title} looks back: it would not see what is before a text."
            )

    def start_training(self, updates: int) -> None:
        """Tell AdaLoRA how long its schedule is; `InputError` where it is longer than the training."""
        if self.chosen.type == "ADALORA":
            adalora.require_schedule(self._wrapped[0].config, updates)
            self._wrapped[0].config.total_step = updates

    def updated(self, step: int) -> None:
        """Let types that spend their parameters anew do so, behind the optimiser's step `step` (from 1)."""
        for one in self._wrapped:
            if hasattr(one.tuner, "update_and_allocate"):
                one.tuner.update_and_allocate(step)

    def state(self) -> dict[str, Tensor]:
        return adalora.state_of(self._wrapped[0]) if self.chosen.type == "ADALORA" else {}

    def take_state(self, state: Mapping[str, Tensor]) -> None:
        if self.chosen.type == "ADALORA":
            adalora.take_state(self._wrapped[0], state, next(self.parameters()).device)

    def extra_loss(self, answered: Answered, batch: Batch) -> Tensor | None:
        """Return this process's share of AdaLoRA's penalty, []."""
        weight: float = self._wrapped[0].config.orth_reg_weight * batch.own / batch.rows
        return weight * adalora.penalty(self.model)

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """What the type trains, by its names of the matrices, such as `lora_A`; of what makes a prompt, all."""
        return dict(self._parts)

    def peft(self) -> tuple[Any, dict[str, Tensor]] | None:
        """Return configuration and state as `peft` saves them; None of virtual tokens, which are not alike."""
        return self._wrapped[0].saved() if self._wrapped else None

    def take_peft(self, state: Mapping[str, Tensor], origin: str) -> None:
        self._wrapped[0].take(state, origin)

    def remove(self) -> None:
        """Put the stock modules back in their places, and the values of theirs that began otherwise."""
        super().remove()
        for one in self._wrapped:
            one.put_back()
        self._wrapped = []


def _part(name: str) -> str:
    """Return what a tensor is called without its place in the model."""
    steps = name.split(".")
    if ADAPTER in steps[1:]:
        return steps[steps.index(ADAPTER) - 1]
    adapted = next((one for one in reversed(steps) if re.match("adaption_", one)), None)
    return adapted or steps[-1]


def targets_of(backbone: Backbone, options: PeftOptions) -> list[str]:
    """Return the names of the modules that a type acts on; `InputError` for layers or roles without any."""
    roles = options.targets or _TARGETS.get(options.type, _USUAL)
    layers = options.fields.get("layers_to_transform")
    kept = None if layers is None else {str(one) for one in (layers if isinstance(layers, list) else [layers])}
    wanted: set[int] = set()
    for role in roles:
        if role == "words":
            wanted.add(id(backbone.body.get_submodule(backbone.family.words)))
        elif role == "norms":
            wanted |= set(map(id, backbone.norm_layers()))
        else:
            some = backbone.projections(role)
            wanted |= {id(one.module) for one in some if kept is None or one.name.partition(".")[0] in kept}
    found = [name for name, module in backbone.model.named_modules() if id(module) in wanted]
    if not found:
        where = f" in layer {layers}" if layers is not None else ""
        raise InputError(f"{backbone.family.title} has none of the modules {', '.join(roles)}{where}.")
    return found

"""What an architecture is made of: the closed schema of `recipes/families/*.yaml`, one entry a `model_type`.

Paths are those of modules in the stock model of the library: of a stack's parts inside one of its layers, of
`head` and `output` in the model with its language-modelling head, of all others in its body.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from hxbench.closed import Closed
from hxbench.spec.backbone import Name

Stacks = Literal["encoder", "encoder-decoder", "decoder"]  # what an architecture consists of
StackName = Literal["encoder", "decoder"]
SiteRole = Literal["attention", "cross", "ffn", "ffn_normed", "parallel"]
ProjectionRole = Literal[
    "query", "key", "value", "output", "cross_query", "cross_key", "cross_value", "cross_output",
    "up", "down", "gate",
]  # fmt: skip
# What the sites of an architecture with one stack are called where names are stored; of two, `encoder_ffn`.
_ONE_STACK: dict[SiteRole, str] = {
    "attention": "attention_output",
    "cross": "cross_output",
    "ffn": "ffn_output",
    "ffn_normed": "ffn_output_normed",
    "parallel": "parallel",
}
_REPEATS = 4  # in a pattern


def _path(text: str) -> str:
    if not re.fullmatch(r"(\w+(\.\w+)*)?", text):
        raise ValueError("a path of modules has names with dots between them")
    return text


def _pattern(text: str) -> str:
    # an entry may come with somebody's weights, and a pattern can be written that takes years for one name
    if len(re.findall(r"(?<!\\)[*+?{]", text)) > _REPEATS or re.search(r"(?<!\\)\)[*+{]", text):
        raise ValueError(f"a pattern repeats {_REPEATS} things at most, and no group")
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no pattern ({error})") from None
    return text


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _module_alone(value: Any) -> Any:
    return {"module": value} if isinstance(value, str) else value


Pattern = Annotated[str, Field(max_length=200), AfterValidator(_pattern)]
Path = Annotated[str, Field(max_length=200), AfterValidator(_path)]
Paths = Annotated[tuple[Path, ...], Field(min_length=1), BeforeValidator(_several)]


class Position(Closed):
    """A place where an adapter may act; a path alone is that of the module whose output it changes."""

    module: Path  # whose output the site changes
    before: bool = False  # the site changes the module's input instead
    flat: bool = False  # all texts of a batch are one behind the other there, [batch · length, hidden], as in OPT
    fed_by: Path | None = None  # the module whose input the adapter is fed; what it makes of that is added
    block: Path | None = None  # of an "add & norm" afterwards: gets the residual as its second input
    residual: Path | None = None  # where there is no such block: the module whose input the residual is
    norm: Path | None = None  # the LayerNorm behind the sum; behind a `residual` there may be none

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.block is None) != (self.norm is None) and self.residual is None:
            raise ValueError("block and norm come together")
        kinds = (self.before, self.fed_by is not None, self.block is not None, self.residual is not None)
        if sum(kinds) > 1:
            raise ValueError("before, fed_by, residual, and block with norm exclude each other")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        named = (self.module, self.fed_by, self.block, self.residual, self.norm)
        return tuple(path for path in named if path is not None)


Place = Annotated[Position, BeforeValidator(_module_alone)]


class Fused(Closed):
    """One linear layer for several projections; keys and values are narrower where query heads share them."""

    module: Path
    roles: Annotated[tuple[ProjectionRole, ...], Field(min_length=2)]  # in the order of its output
    # those of one head of keys next to each other, or one projection behind the other
    layout: Literal["heads", "blocks"]


class Stack(Closed):
    """The layers of an encoder or of a decoder, and what each consists of."""

    layers: Path
    called: Name = ""  # in stored names; without one the path of the layers in the model
    depth: Name = "num_hidden_layers"  # the number of layers in the configuration
    sites: dict[SiteRole, Place] = Field(default_factory=dict)
    projections: dict[ProjectionRole, Paths] = Field(default_factory=dict)  # of several paths the first there is
    fused: tuple[Fused, ...] = ()
    optional: tuple[ProjectionRole, ...] = ()  # which not every model of the family has
    norms: tuple[Path, ...] = ()
    # what BitFit adds to where it has a bias of its own
    biases: tuple[ProjectionRole | Literal["norms"], ...] = ()

    @property
    def roles(self) -> list[ProjectionRole]:
        """The roles of its projections, of layers of their own first."""
        return [*self.projections, *(role for one in self.fused for role in one.roles)]

    @model_validator(mode="after")
    def _every_role_once(self) -> Self:
        roles = self.roles
        if twice := next((role for role in roles if roles.count(role) > 1), None):
            raise ValueError(f"the role {twice} is given twice")
        named: tuple[Any, ...] = (*self.optional, *self.biases)
        if lost := next((role for role in named if role not in (*roles, "norms")), None):
            raise ValueError(f"no projection has the role {lost}")
        return self

    def fusion_of(self, role: str) -> Fused | None:
        """Return the layer that a projection shares with others; None for one of its own."""
        return next((one for one in self.fused if role in one.roles), None)


class Family(Closed):
    """One architecture; its name is the `model_type` of its configurations."""

    name: Name
    title: Name  # in sentences
    body: Path  # in the model with a language-modelling head; empty where both are one
    encoder: Stack | None = None
    decoder: Stack | None = None
    words: Path  # the word embeddings
    embeddings: Place  # where what the embeddings put out can be changed
    head: Paths  # modules that one after the other make of [n, hidden] logits [n, vocabulary]
    output: Path  # the output matrix in it, which may be tied to the word embeddings
    norms: tuple[Path, ...] = ()  # outside of the layers
    optional: tuple[Path, ...] = ()  # which of those norms not every model of the family has
    biases: tuple[Path, ...] = ()  # outside of the layers: what BitFit adds to where it has a bias of its own
    adds_biases: bool = False  # or where it has none: BitFit adds what would be one
    width: Name = "hidden_size"  # names of numbers in the configuration
    heads: Name = "num_attention_heads"
    key_heads: Name | None = None  # of keys and values, where several heads of queries may share one
    longest: Name | None = None  # the number of positions, where texts cannot be longer
    offset: Annotated[int, Field(ge=0)] = 0  # how many of them come before the first
    counts_positions: bool = False  # padding on the left or between would count: it has to be told positions
    padding: Literal["left", "right"] = "right"
    cap: Name | None = None  # the number that the configuration bounds logits by: n · tanh(logit / n)
    tokens: tuple[Name, ...] = ("pad_token",)  # that a tokenizer must have
    end_pads: bool = False  # the end token fills up where a tokenizer has none for padding; masks hide it
    ids: tuple[Name, ...] = ()  # that a configuration must give, by which padding, ending and decoding go
    precisions: dict[Literal["bf16", "fp16"], Name] = Field(default_factory=dict)  # that fail, and why
    beside: tuple[Pattern, ...] = ()  # tensors that weights may have beyond the model
    settings: dict[Name, bool] = Field(default_factory=dict)  # that a configuration must have to be of the family
    prompt: Literal["words", "normal"] = "words"  # how the published code of PET scaling begins virtual tokens

    @model_validator(mode="after")
    def _has_a_stack(self) -> Self:
        if not self.parts:
            raise ValueError("an encoder, a decoder or both are needed")
        if lost := next((path for path in self.optional if path not in self.norms), None):
            raise ValueError(f"{lost} is optional, but none of the norms outside of the layers")
        return self

    @property
    def parts(self) -> dict[StackName, Stack]:
        """Its stacks by name, the encoder first."""
        both: Mapping[StackName, Stack | None] = {"encoder": self.encoder, "decoder": self.decoder}
        return {name: stack for name, stack in both.items() if stack is not None}

    @property
    def stacks(self) -> Stacks:
        if self.encoder and self.decoder:
            return "encoder-decoder"
        return "encoder" if self.encoder else "decoder"

    def site_name(self, stack: StackName, role: SiteRole) -> str:
        """Return what the sites of a role are called, as stored names have them."""
        return f"{stack}_{role}" if len(self.parts) > 1 else _ONE_STACK[role]

    def site_names(self, *roles: SiteRole) -> tuple[str, ...]:
        """Return the names of the positions with these roles, stack by stack; those that it has."""
        return tuple(
            self.site_name(name, role)
            for name, stack in self.parts.items()
            for role in roles
            if role in stack.sites
        )

    def _named(self) -> Iterator[tuple[str, Stack, Position]]:
        for name, stack in self.parts.items():
            for role in stack.sites:
                yield self.site_name(name, role), stack, stack.sites[role]

    @property
    def positions(self) -> dict[str, Position]:
        return {name: position for name, _, position in self._named()}

    def stack_of(self, position: str) -> str:
        """Return where the layers are in the body that have a position."""
        return {name: stack.layers for name, stack, _ in self._named()}[position]

    def called(self, stack: Stack) -> str:
        """Return what the layers of a stack are called in stored names of their modules."""
        return stack.called or ".".join(filter(None, (self.body, stack.layers)))

    @property
    def has_biases(self) -> bool:
        """Whether BitFit may have something to add to: a model of the family may be without biases."""
        return bool(self.biases) or any(stack.biases for stack in self.parts.values())

"""What is tuned in a backbone, apart from how its family answers: h_out = f(h_in) + Δh (PET scaling, section 3).

A tuning is the same on every family but for where it acts, which it asks the backbone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, Self

from torch import Tensor, nn

from hxbench.backbones.families import Family
from hxbench.backbones.load import Backbone
from hxbench.backbones.sites import SiteKey, Sites, SiteWeights
from hxbench.errors import InputError
from hxbench.methods.causal import CausalText, LossOver
from hxbench.methods.classifier import Classifier, Head, require_classes
from hxbench.methods.text_method import TextCondition, TextMethod
from hxbench.methods.text_to_text import TextToText
from hxbench.spec import Closed, RunSpec, added
from hxbench.tasks import text_task


class TuningOptions(Closed):
    """What a family may choose when it answers, whatever is tuned; the others do not look."""

    head: Head = "first"  # BERT: what the head is fed
    loss: LossOver = "target"  # BLOOM: of which pieces
    dropout_in_backbone: bool = added(True)  # the published code has none under an APET


class Tuning(nn.Module):
    """What is tuned in one backbone; its hooks hang in the backbone until it is removed."""

    positions: tuple[str, ...] = ()  # of the sites it gives weights for

    def __init__(self) -> None:
        super().__init__()
        self._handles: list[Any] = []

    def weights(self) -> Mapping[SiteKey, SiteWeights]:
        """Return the weights of every site, of both stacks where there are two."""
        return {}

    def prompt(self) -> Tensor | None:
        """Return virtual tokens [tokens, hidden] that stand before every text."""
        return None

    def acting(self) -> AbstractContextManager[None]:
        """Return a context in which the backbone is read with what is tuned in its own tensors."""
        return nullcontext()

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """Return what is trained, by name."""
        return {"tuned": list(self.parameters())}

    def drawn(self) -> list[nn.Parameter]:
        """Return the parameters whose places were drawn by chance."""
        return []

    def adding(self, module: nn.Module, change: Callable[[Tensor, Tensor], Tensor | None]) -> None:
        """Add `change(input, output)` to what a stock module puts out, for as long as the tuning is there."""

        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            added = change(inputs[0], output)
            return output if added is None else output + added

        self._handles.append(module.register_forward_hook(hook))

    def keep(self) -> None:
        """Get ready to give the backbone back after a training, where that takes more than taking things out."""

    def remove(self) -> None:
        """Take the hooks off the backbone, and whatever else was put into it."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


class PetMethod(TextMethod):
    """A tuning as a method: built on a backbone it is one of the classes below, by the stacks of the family."""

    Options: ClassVar[type[Closed]] = TuningOptions
    stacks = ("encoder", "encoder-decoder", "decoder")
    transfers = True

    @classmethod
    def require(cls, spec: RunSpec, family: Family) -> None:
        """Raise `InputError` for a task that an encoder alone cannot answer, or whose classes it does not know."""
        if family.stacks == "encoder" and spec.task:
            own = text_task(spec.task)
            require_classes(own)
            for other in map(text_task, spec.transfer):
                require_classes(other)
                if spec.data.labels != "unified" and other.labels != own.labels:
                    raise InputError(
                        f"a head trained on {own.title} does not know the classes of {other.title}: "
                        "data.labels=unified gives all tasks the same."
                    )

    @classmethod
    def tuning(cls, backbone: Backbone, options: Any, seed: int) -> Tuning:
        """Return what is tuned in a backbone; `seed` is the run's."""
        raise NotImplementedError

    @classmethod
    def on(cls, backbone: Backbone, *, seed: int = 0, unified: bool = False, **others: Any) -> TextMethod:
        """Return the method on a backbone; `others` as every text method."""
        tuned_by = lambda backbone, options: cls.tuning(backbone, options, seed)  # noqa: E731
        if backbone.chooses:
            others["unified"] = unified
        return _BY_STACKS[backbone.family.stacks](backbone, tuned_by=tuned_by, **others)


class Tuned(TextMethod):
    """A family's way to answer with a tuning in its backbone."""

    def __init__(
        self,
        backbone: Backbone,
        *,
        tuned_by: Callable[[Backbone, Any], Tuning],
        options: TuningOptions,
        tasks: Sequence[str],
        **others: Any,
    ) -> None:
        super().__init__(backbone, options=options, tasks=tasks, **others)
        self.dropout_in_backbone = options.dropout_in_backbone
        self.tuning = tuned_by(backbone, options)
        self.sites = Sites(backbone.body, backbone.family, self.tuning.positions)

    def adapter_weights(self, condition: TextCondition) -> Mapping[SiteKey, SiteWeights]:
        """Return the tuning's weights: of another stack's sites nobody asks for them."""
        return self.tuning.weights()

    def train(self, mode: bool = True) -> Self:
        """Begin or end training: without dropout in the backbone it stays as it is when it answers."""
        super().train(mode)
        if not self.dropout_in_backbone:
            self.model.eval()
        return self

    def prompt(self, embedded: Tensor, batch: Any) -> Tensor | None:
        """Return the tuning's virtual tokens, the same for every row."""
        own = self.tuning.prompt()
        return None if own is None else own.expand(len(embedded), -1, -1)

    def logits(self, batch: Any) -> Tensor:
        """Return the family's logits of the target pieces."""
        with self.tuning.acting():
            return super().logits(batch)

    def forward(self, batch: Any) -> Tensor:
        """Return this process's share of the family's loss."""
        with self.tuning.acting():
            return super().forward(batch)

    def generate(self, batch: Any, *arguments: Any, **how: Any) -> Tensor:
        """Return the family's answers."""
        with self.tuning.acting():
            return super().generate(batch, *arguments, **how)

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """What is tuned, and the head of a family that answers with one."""
        return {**self.tuning.parts(), **self.answering_parts()}

    def counted(self) -> int:
        """What is tuned: the paper's counts leave the head of a classifier out, which is trained too."""
        return sum(p.numel() for part in self.tuning.parts().values() for p in part)

    def drawn(self) -> list[nn.Parameter]:
        """What the tuning has drawn."""
        return self.tuning.drawn()

    def keep(self) -> None:
        """Make `remove` possible after the training of a method that changes the backbone itself."""
        self.tuning.keep()

    def remove(self) -> None:
        """Give the backbone back as it came, bit for bit; of full fine-tuning what `keep` has kept."""
        super().remove()
        self.tuning.remove()


class TunedClassifier(Tuned, Classifier):
    """A tuning on an encoder."""

    def __init__(self, backbone: Backbone, *, options: TuningOptions, **others: Any) -> None:
        super().__init__(backbone, options=options, head=options.head, **others)


class TunedCausal(Tuned, CausalText):
    """A tuning on a decoder."""

    def __init__(self, backbone: Backbone, *, options: TuningOptions, **others: Any) -> None:
        super().__init__(backbone, options=options, **others)
        self.loss_over = options.loss


class TunedTextToText(Tuned, TextToText):
    """A tuning on an encoder and a decoder."""


_BY_STACKS: dict[str, type[Tuned]] = {
    "encoder": TunedClassifier,
    "decoder": TunedCausal,
    "encoder-decoder": TunedTextToText,
}

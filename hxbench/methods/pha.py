"""PHA: the decoder's adapters are generated from a prototype of the task and the layer (Zhao et al., 2023).

The encoder has adapters of its own, the same for all tasks. A retriever maps what it makes of a text, averaged, to
z. Two contrastive losses keep the z of a task together and tie them to its prototype, so that for a task never
seen the prototype nearest to its examples can be looked up and tuned on.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from hxbench.answering.answer import Answered, AnswerOptions, Condition, Encoded
from hxbench.backbones.sites import SiteWeights
from hxbench.closed import Closed
from hxbench.methods.hyperdecoder import ReadFirst
from hxbench.methods.method import Setup
from hxbench.modules.bottleneck import BottleneckWeights
from hxbench.modules.contrastive import Average, Denominator, cosines, instance_loss, prototype_loss
from hxbench.modules.hypernetwork import BottleneckGenerator, in_every_layer, in_full_precision, projector
from hxbench.modules.parameters import fill
from hxbench.modules.per_row import for_rows
from hxbench.spec.backbone import Positive, Rate
from hxbench.spec.run_spec import START
from hxbench.tasks.encoding.batch import Batch

ADOPTED = "adopted"  # the name of a new task's prototype among the trained parameters


class PHAOptions(AnswerOptions):
    """Sizes, what is left out for an ablation, and where paper and published code differ.

    The defaults count what appendix B counts. The code has `biases`, a `two_layers` projector, d′ = mixed = 64,
    temperature 0.1, the denominator `others` and the average over `examples`.
    """

    bottleneck: Positive = 64  # of the encoder's adapters and of the generated ones
    d_prime: Positive = 128  # of z, the prototypes and the layer embeddings
    retriever_hidden: Positive = 128
    mixed: Positive = 32  # what the weights are a linear map of; the paper's d_h, 64 outside of multi-task runs
    projector: Literal["matrix", "two_layers"] = "matrix"
    projector_hidden: Positive = 128  # of two layers
    biases: bool = False  # of retriever, projector and generator
    # Table 3. Without prototypes the hypernetwork is fed what stands for the text itself. That is z or, without a
    # retriever, the pooled encoder states, whose width prototypes then have. The paper does not say which losses
    # are left.
    prototypes: bool = True
    retriever: bool = True
    instances: Literal["with_retriever", "always", "never"] = "with_retriever"  # when there is an instance loss
    contrastive_weight: Annotated[float, Field(ge=0)] = 0.1  # the paper's λ, of both contrastive losses
    temperature: Rate = 1.0  # the paper has none
    denominator: Denominator = "negatives"
    average: Average = "tasks"
    # How a new task's prototype is found, which is not stated: by the mean similarity to the examples at hand, by
    # vote, or anew for each example, which then keeps the prototypes it has.
    retrieval: Literal["mean", "vote", "example"] = "mean"


class PrototypeHypernetwork(nn.Module):
    """(key, layer embedding) → projector → generator → weights of a bottleneck adapter (PHA, section 4.2).

    The key is a task's prototype; in the ablations it may be what the encoder made of one example.
    """

    def __init__(self, layers: int, key: int, hidden: int, options: PHAOptions) -> None:
        super().__init__()
        self.layers = nn.Parameter(torch.randn(layers, options.d_prime))
        width, mixed, inner = key + options.d_prime, options.mixed, options.projector_hidden
        if options.projector == "matrix":  # what the paper counts in appendix B
            self.projector = nn.Sequential(nn.Linear(width, mixed))
        else:  # the code's
            self.projector = nn.Sequential(*projector(width, inner, mixed), nn.LayerNorm(mixed, eps=1e-6))
        self.generator = BottleneckGenerator(mixed, hidden, options.bottleneck)
        self.generator.start_small()
        if not options.biases:
            without_biases(self)

    def forward(self, keys: Tensor) -> BottleneckWeights:
        """Return the weights for keys [..., key], with leading dimensions [layers, ...] on every tensor."""
        return in_every_layer(keys, self.layers, lambda joined: self.generator(self.projector(joined)))


def without_biases(module: nn.Module) -> None:
    """Take the biases of its linear layers away from a module."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.register_parameter("bias", None)


class PHA(ReadFirst):
    """Adapters parallel to the feed-forward blocks: own ones in the encoder, generated ones in the decoder."""

    Options: ClassVar[type[Closed]] = PHAOptions
    probes = ("cb", "boolq", "scitail")  # tasks whose texts are held against the prototypes (Figure 5)

    def __init__(self, setup: Setup, options: PHAOptions) -> None:
        """Build all parts; a new task has a prototype of its own, `adopted`, until `meet` finds it one anyhow."""
        super().__init__(setup, options)
        hidden = self.backbone.hidden_size
        if type(self).extra_loss is PHA.extra_loss:
            self.adds_loss = self.new_task is None and options.contrastive_weight > 0
        width = options.d_prime if options.retriever else hidden  # of what stands for a text
        self.retriever = None  # pooled encoder states [batch, hidden] → z [batch, d′]
        if options.retriever:
            self.retriever = projector(hidden, options.retriever_hidden, options.d_prime)
            if not options.biases:
                without_biases(self.retriever)
        self.prototypes = nn.Parameter(torch.randn(len(self.tasks), width)) if options.prototypes else None
        self.hypernetwork = PrototypeHypernetwork(len(self.answers), width, hidden, options)
        adopts = options.prototypes and self.new_task is not None and options.retrieval != "example"
        self.adopted = nn.Parameter(torch.randn(width)) if adopts else None

    def take(self, role: str, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a finished run, which has no prototype of the new task."""
        if role != START:
            return super().take(role, tensors)
        own = {name: p for name, p in self.trained().items() if name != ADOPTED}
        return fill(own, tensors, "the run it starts from")

    def generated(self, condition: Condition, pooled: Tensor) -> Iterable[SiteWeights]:
        """Return the decoder's adapters, layer by layer, for pooled texts [batch, hidden]."""
        keys, tasks = self._keys(), condition.tasks
        if keys is None:  # every row has an adapter of its own
            return self.hypernetwork(self.instances(pooled)).unbind()
        if self.new_task is not None and self.adopted is None:
            tasks = torch.where(tasks == len(self.tasks), self.retrieve(self.instances(pooled)), tasks)
        elif condition.place is not None:
            return self.hypernetwork(keys[condition.place]).unbind()
        return for_rows(self.hypernetwork(keys), tasks)

    def _keys(self) -> Tensor | None:
        """Return the prototypes in the order of tasks, that of the new one behind the others, [tasks, width]."""
        if self.prototypes is None or self.adopted is None:
            return self.prototypes
        return torch.cat([self.prototypes, self.adopted[None]])

    def instances(self, pooled: Tensor) -> Tensor:
        """Return what stands for texts, given the pooled encoder states [batch, hidden]: z, or just these."""
        pooled = pooled.float()
        return pooled if self.retriever is None else self.retriever(pooled)

    def extra_loss(self, answered: Answered, batch: Batch) -> Tensor | None:
        """Return this process's share of λ(L_IR + L_Pro), [] in fp32.

        A new task is tuned to by cross-entropy alone: there `adds_loss` is false. A loss goes with its part:
        that of instances trains the retriever, the other ties prototypes to texts. Rows are compared with those
        beside them in the process.
        """
        chosen, condition = self.options, answered.encoded.condition
        form: dict[str, Any] = {"temperature": chosen.temperature, "average": chosen.average}
        assert condition.pooled is not None
        losses: list[Tensor] = []
        with in_full_precision(condition.pooled):
            instances, tasks = self.instances(condition.pooled), condition.tasks
            with_retriever = chosen.instances == "with_retriever" and self.retriever is not None
            if chosen.instances == "always" or with_retriever:
                losses.append(instance_loss(instances, tasks, denominator=chosen.denominator, **form))
            if self.prototypes is not None:
                losses.append(prototype_loss(instances, self.prototypes, tasks, **form))
        return chosen.contrastive_weight * torch.stack(losses).sum() * batch.own / batch.rows if losses else None

    def features(self, encoded: Encoded) -> dict[str, Tensor]:
        """Return `features`, the pooled encoder states [batch, hidden], and `z` [batch, d′], in fp32.

        Without a retriever both are the same.
        """
        pooled = encoded.condition.pooled
        assert pooled is not None
        with in_full_precision(pooled):
            return {"features": pooled.float(), "z": self.instances(pooled)}

    def prototypes_by_task(self) -> Tensor:
        """Return the prototypes in the order of tasks, [tasks, width]; of a model without any, none of them."""
        if self.prototypes is None:
            return self.hypernetwork.layers.new_zeros(0, 0)
        return self.prototypes.detach()

    @torch.no_grad()
    def retrieve(self, instances: Tensor) -> Tensor:
        """Return the place of the prototype for texts [n, width], [1]; with `example` one for each text, [n].

        A tie of votes goes to the prototype that is more similar on average.
        """
        similarity = cosines(instances, self.prototypes_by_task())
        if self.options.retrieval == "example":
            return similarity.argmax(1)
        score = similarity.mean(0)
        if self.options.retrieval == "vote":
            score = torch.bincount(similarity.argmax(1), minlength=len(score)) + score / 4  # which is below a vote
        return score.argmax(keepdim=True)

    @torch.no_grad()
    def meet(self, encoded: Iterable[Encoded]) -> dict[str, Any]:
        """Make the prototype nearest to a new task's texts its own to begin with, and say which one that was."""
        if self.prototypes is None or self.new_task is None:
            return {}
        instances = torch.cat([self.features(one)["z"] for one in encoded])
        found = self.retrieve(instances).tolist()
        if self.adopted is not None:
            self.adopted.copy_(self.prototypes[found[0]])
        similarity = cosines(instances, self.prototypes).mean(0).tolist()
        names = [self.tasks[place] for place in found]
        counts = {name: names.count(name) for name in set(names)}
        return {
            "retrieved": counts if self.adopted is None else names[0],
            "similarity": dict(zip(self.tasks, similarity, strict=True)),
        }

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        network = self.hypernetwork
        return {
            "adapters": list(self.adapters.parameters()),
            "retriever": [] if self.retriever is None else list(self.retriever.parameters()),
            "prototypes": [p for p in (self.prototypes, self.adopted) if p is not None],
            "layer_embeddings": [network.layers],
            "projector": list(network.projector.parameters()),
            "generator": list(network.generator.parameters()),
        }

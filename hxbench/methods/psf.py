"""PSF: a fully tuned encoder whose softmax layers are generated from latents of language and task.

Parameter Space Factorization (Ponti et al., 2021) in its low-rank form, as the baseline of Hyper-X (section 4).
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from hxbench.answering.answer import Answered, AnswerOptions
from hxbench.answering.token import TokenHeads, target_states
from hxbench.closed import Closed
from hxbench.methods.method import Method, Reason, Setup
from hxbench.modules.hypernetwork import in_full_precision, initialise_linear
from hxbench.modules.latent_softmax import GaussianLatents, LatentGenerator, SoftmaxMaps, SoftmaxWeights
from hxbench.spec.backbone import Positive
from hxbench.tasks import task_of
from hxbench.tasks.encoding.batch import Batch


class PSFOptions(AnswerOptions):
    """Sizes, the variational family, and where sound mathematics and the published code differ."""

    latent: Positive = 100  # dimensions of a language's and of a task's vector
    family: Literal["low_rank", "diagonal"] = "low_rank"  # the published code's lrcmeta and svimeta
    rank: Positive = 10  # of the low-rank family's factor
    generator_hidden: Positive = 768  # the code takes the encoder's width
    generator_layers: Annotated[int, Field(ge=2)] = 6
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1  # in the generator, and of the encoder's output
    samples: Positive = 3  # of latents and weights, every step
    noise: Literal["deviation", "variance"] = "deviation"  # what multiplies it; code: the variance
    token_mean: Literal["once", "twice"] = "once"  # code: the mean cross-entropy is divided by its tokens again
    kl_scale: Annotated[float, Field(ge=0)] = 1.0  # the KL term's weight is this by the number of updates
    initial_std: Annotated[float, Field(gt=0)] = 0.02  # of the linear layers; the code initialises them as BERT's


class PSF(Method):
    """The encoder, all of it trained, below generated softmax layers; trained on the evidence lower bound."""

    Options: ClassVar[type[Closed]] = PSFOptions
    refused: ClassVar[Mapping[str, Reason]] = dict.fromkeys(
        ("class", "encoder-decoder", "causal"), "needs token heads"
    )
    needs_labels = True
    answering: TokenHeads

    def __init__(self, setup: Setup, options: PSFOptions) -> None:
        super().__init__(setup, options)
        self.kl_weight: float | None = None  # known once the number of updates is
        self._cross_entropy: Tensor | None = None
        size, noise = options.latent, options.noise
        rank = options.rank if options.family == "low_rank" else 0
        self.language_latents = GaussianLatents(len(self.languages), size, rank, noise)
        self.task_latents = GaussianLatents(len(self.tasks), size, rank, noise)
        self.generator = LatentGenerator(size, options.generator_hidden, options.generator_layers, options.dropout)
        # in place of heads with weights of their own
        hidden = self.backbone.hidden_size
        self.answering.heads = nn.ModuleDict(
            {task: SoftmaxMaps(size, len(task_of(task).labels), hidden, noise) for task in self.tasks}
        )
        self.dropout = nn.Dropout(options.dropout)
        for part in (self.generator, self.answering.heads):
            initialise_linear(part, options.initial_std)

    def start_training(self, updates: int) -> None:
        """Give every update its share of the KL term."""
        self.kl_weight = self.options.kl_scale / updates

    def softmax_weights(self, task: str, language: str) -> SoftmaxWeights:
        """Return the softmax layer of a pair: from samples in training, from posterior means otherwise."""
        of_language, of_task = self.languages.index(language), self.tasks.index(task)
        if self.training:
            latents = (
                self.language_latents.sample(of_language, self.options.samples),
                self.task_latents.sample(of_task, self.options.samples),
            )
        else:
            latents = (self.language_latents.mean[of_language, None], self.task_latents.mean[of_task, None])
        return self.answering.heads[task](self.generator(*latents), sampled=self.training)

    def answer(self, batch: Batch) -> Answered:
        """Return the logits at the targets in fp32, [targets, labels]; in training averaged over the samples."""
        encoded = self.answering.encode(self, batch)
        hidden = self.dropout(target_states(encoded, batch))
        with in_full_precision(hidden):
            layer = self.softmax_weights(batch.task, batch.language)
        return Answered(functional.linear(hidden, *layer).float(), encoded)

    def kl(self) -> Tensor:
        """Return the divergence of all latents from their prior N(0, I), [] in fp32."""
        with in_full_precision(self.language_latents.mean):
            return self.language_latents.kl() + self.task_latents.kl()

    def forward(self, batch: Batch) -> Tensor:
        """Return this process's share of the negative evidence lower bound, [].

        Its share of the KL term is that of the targets it holds: over all processes the term counts once.
        """
        assert self.kl_weight is not None, "start_training comes before the first update"
        error = super().forward(batch)
        self._cross_entropy = error.detach()
        if self.options.token_mean == "twice":
            error = error / batch.count
        return error + self.kl_weight * (len(batch.targets) / batch.count) * self.kl()

    def cross_entropy_in(self, loss: Tensor) -> Tensor | None:
        """Return it, [], as it was before it was divided again and the KL term was added."""
        return self._cross_entropy

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        """The whole encoder, the latents' distributions and the generator; the linear maps are the heads."""
        return {
            "body": list(self.body.parameters()),
            "latents": [*self.language_latents.parameters(), *self.task_latents.parameters()],
            "generator": list(self.generator.parameters()),
        }

    def counted(self) -> int:
        """All that is trained: the paper's 185m are these parts with the published code's label sets.

        It has 9 labels for NER, 17 for POS and 3 for a third task that is never trained; 7 and 18 make 184m.
        """
        return sum(self.part_sizes().values())

"""A softmax layer generated from latent variables of a language and a task (Ponti et al., 2021).

Gaussian latents → generator → Gaussian over the weights of the layer (Hyper-X sheet, section 4, "PSF").
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

Noise = Literal["deviation", "variance"]


def spread(variance: Tensor, noise: Noise) -> Tensor:
    """Return what standard normal noise is multiplied by, in the shape of the variance [...].

    `deviation` is the square root of the variance; the published code multiplies by the `variance` itself, which
    its KL term nevertheless treats as a variance.
    """
    return variance.sqrt() if noise == "deviation" else variance


def kl_to_standard_normal(mean: Tensor, variance: Tensor, factor: Tensor | None = None) -> Tensor:
    """Return KL(N(mean, diag(variance) + factor·factorᵀ) ‖ N(0, I)), a scalar.

    `mean` and `variance` are [n], `factor` is [n, rank]. By the matrix determinant lemma the log-determinant needs
    one Cholesky decomposition of [rank, rank] only.
    """
    trace, log_determinant = variance.sum(), variance.log().sum()
    if factor is not None:
        trace = trace + factor.square().sum()
        inner = torch.eye(factor.shape[1], dtype=factor.dtype, device=factor.device)
        inner = inner + factor.T @ (factor / variance.unsqueeze(1))
        log_determinant = log_determinant + 2 * torch.linalg.cholesky(inner).diagonal().log().sum()
    return 0.5 * (trace + mean.square().sum() - mean.numel() - log_determinant)


class GaussianLatents(nn.Module):
    """One latent vector each of `count` languages or tasks, a Gaussian over their concatenation.

    The covariance is diagonal plus a low-rank factor, which ties the languages to each other; rank 0 is diagonal
    alone. Diagonal and factor are made positive by softplus. Initialised as in the published code: means
    N(0, 0.1²), before softplus the diagonal U(0, 0.5) and the factor U(0, √0.5).
    """

    def __init__(self, count: int, size: int, rank: int, noise: Noise) -> None:
        super().__init__()
        self.noise = noise
        self.mean = nn.Parameter(0.1 * torch.randn(count, size))
        self.raw_variance = nn.Parameter(0.5 * torch.rand(count, size))
        self.raw_factor = nn.Parameter(0.5**0.5 * torch.rand(count, size, rank)) if rank else None

    def variance(self) -> Tensor:
        """Return the diagonal part of the covariance, [count, size]."""
        return functional.softplus(self.raw_variance)

    def factor(self) -> Tensor | None:
        """Return the low-rank part, [count, size, rank]."""
        return None if self.raw_factor is None else functional.softplus(self.raw_factor)

    def sample(self, index: int, samples: int) -> Tensor:
        """Return reparameterised samples of one vector, [samples, size].

        The others need not be drawn: these are marginals of the joint distribution.
        """
        mean = self.mean[index]
        drawn = mean + spread(self.variance()[index], self.noise) * mean.new_empty(samples, len(mean)).normal_()
        factor = self.factor()
        if factor is None:
            return drawn
        return drawn + mean.new_empty(samples, factor.shape[2]).normal_() @ factor[index].T

    def kl(self) -> Tensor:
        """Return the divergence of all vectors together from the prior N(0, I), []."""
        factor = self.factor()
        return kl_to_standard_normal(
            self.mean.flatten(), self.variance().flatten(), None if factor is None else factor.flatten(0, 1)
        )


class LatentGenerator(nn.Module):
    """[l; t; l − t; l ∘ t] → features of the softmax layer; every layer is linear, ReLU, dropout."""

    def __init__(self, size: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        widths = [4 * size, *[hidden] * (layers - 1), size]
        stack: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            stack += [nn.Linear(width_in, width_out), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*stack)

    def forward(self, language: Tensor, task: Tensor) -> Tensor:
        """Return the features for latents, both [samples, size] and so is the result."""
        return self.layers(torch.cat([language, task, language - task, language * task], dim=-1))


class SoftmaxWeights(NamedTuple):
    """Weights of a softmax layer."""

    weight: Tensor  # [labels, hidden]
    bias: Tensor  # [labels]


class SoftmaxMaps(nn.Module):
    """Linear maps of one task from features to the mean and variance of its softmax layer, and to its bias.

    The layer is sampled like the latents; its distribution has no KL term, and its bias no variance.
    """

    def __init__(self, size: int, labels: int, hidden: int, noise: Noise) -> None:
        super().__init__()
        self.noise = noise
        self.shape = (labels, hidden)
        self.mean = nn.Linear(size, labels * hidden)
        self.raw_variance = nn.Linear(size, labels * hidden)
        self.bias = nn.Linear(size, labels)

    def forward(self, features: Tensor, *, sampled: bool) -> SoftmaxWeights:
        """Return the layer for features [samples, size], averaged over the samples.

        Logits are linear in the weights: averaging these is averaging the logits, with one product instead of
        one a sample.
        """
        weight = self.mean(features)
        if sampled:
            variance = functional.softplus(self.raw_variance(features))
            weight = weight + spread(variance, self.noise) * torch.randn_like(weight)
        return SoftmaxWeights(weight.mean(0).view(self.shape), self.bias(features).mean(0))

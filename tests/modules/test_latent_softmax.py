"""Latents, generator and generated softmax layers against `torch.distributions` and slow, obvious versions."""

import pytest
import torch
from torch.distributions import Independent, LowRankMultivariateNormal, MultivariateNormal, Normal, kl_divergence

from hxbench.modules.latent_softmax import (
    GaussianLatents,
    LatentGenerator,
    SoftmaxMaps,
    kl_to_standard_normal,
)

COUNT, SIZE, RANK, HIDDEN, LABELS = 5, 4, 3, 7, 6


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def joint(latents):
    """The distribution over the concatenation of all vectors, as torch has it."""
    mean = latents.mean.flatten()
    variance = (1 + latents.raw_variance.exp()).log().flatten()
    if latents.raw_factor is None:
        return Independent(Normal(mean, variance.sqrt()), 1)
    factor = (1 + latents.raw_factor.exp()).log().reshape(COUNT * SIZE, RANK)
    return LowRankMultivariateNormal(mean, factor, variance)


def prior(n):
    return MultivariateNormal(torch.zeros(n, dtype=torch.float64), torch.eye(n, dtype=torch.float64))


@pytest.mark.parametrize("rank", [0, RANK])
def test_the_divergence_is_that_of_torch(rank):
    latents = GaussianLatents(COUNT, SIZE, rank, "deviation").double()
    posterior, n = joint(latents), COUNT * SIZE
    if rank:
        expected = kl_divergence(posterior, prior(n))
    else:
        expected = kl_divergence(posterior, Independent(Normal(torch.zeros(n).double(), 1), 1))
    torch.testing.assert_close(latents.kl(), expected)
    fast = torch.autograd.grad(latents.kl(), list(latents.parameters()))
    slow = torch.autograd.grad(expected, list(latents.parameters()))
    assert len(fast) == (3 if rank else 2)
    for one, reference in zip(fast, slow, strict=True):
        assert reference.abs().min() > 0
        torch.testing.assert_close(one, reference)


def test_the_divergence_of_the_prior_from_itself_is_nothing():
    zero, one = torch.zeros(9), torch.ones(9)
    assert kl_to_standard_normal(zero, one) == 0
    assert kl_to_standard_normal(zero, one, torch.zeros(9, 2)) == 0


def test_in_single_precision_it_holds_at_the_published_size():
    latents = GaussianLatents(16, 100, 10, "deviation")
    single = latents.kl()
    torch.testing.assert_close(single.double(), latents.double().kl(), rtol=1e-5, atol=0)


@pytest.mark.parametrize("rank", [0, RANK])
def test_samples_have_the_moments_of_their_distribution(rank):
    latents = GaussianLatents(COUNT, SIZE, rank, "deviation").double()
    with torch.no_grad():
        drawn = latents.sample(2, 200_000)
        whole = joint(latents)
        mine = slice(2 * SIZE, 3 * SIZE)
        covariance = torch.diag(whole.variance) if not rank else whole.covariance_matrix
        torch.testing.assert_close(drawn.mean(0), whole.mean[mine], rtol=0, atol=0.03)
        torch.testing.assert_close(drawn.T.cov(), covariance[mine, mine], rtol=0, atol=0.05)


def test_noise_is_multiplied_by_the_deviation_or_as_published_by_the_variance():
    sound, code = (GaussianLatents(COUNT, SIZE, 0, noise).double() for noise in ("deviation", "variance"))
    code.load_state_dict(sound.state_dict())
    drawn = []
    for latents in (sound, code):
        torch.manual_seed(1)
        drawn.append(latents.sample(0, 1) - latents.mean[0])
    torch.testing.assert_close(drawn[1], drawn[0] * sound.variance()[0].sqrt())
    assert sound.kl() == code.kl(), "which treats it as a variance in both"


def test_initialisation_is_that_of_the_published_code():
    latents = GaussianLatents(50, 100, 10, "deviation")
    assert abs(latents.mean.std() - 0.1) < 0.005
    assert latents.raw_variance.min() >= 0
    assert 0.49 < latents.raw_variance.max() <= 0.5
    assert latents.raw_factor.min() >= 0
    assert 0.7 < latents.raw_factor.max() <= 0.5**0.5


def slow_layer(generator, maps, language, task):
    """One sample, layer by layer, with plain matrix products and no dropout."""
    x = torch.cat([language, task, language - task, language * task])
    linear = [layer for layer in generator.layers if isinstance(layer, torch.nn.Linear)]
    for layer in linear:
        x = layer.weight @ x + layer.bias
        x = torch.where(x > 0, x, torch.zeros(()))
    mean, variance = (
        (head.weight @ x + head.bias).reshape(LABELS, HIDDEN) for head in (maps.mean, maps.raw_variance)
    )
    return mean, (1 + variance.exp()).log(), maps.bias.weight @ x + maps.bias.bias


@pytest.fixture
def parts():
    generator, maps = (
        LatentGenerator(SIZE, 9, 6, 0.1).double(),
        SoftmaxMaps(SIZE, LABELS, HIDDEN, "deviation").double(),
    )
    for p in (*generator.parameters(), *maps.parameters()):
        torch.nn.init.normal_(p, std=0.5)
    return generator, maps


def test_the_generator_has_six_layers_of_linear_relu_and_dropout(parts):
    generator, _ = parts
    names = [type(layer).__name__ for layer in generator.layers]
    assert names == ["Linear", "ReLU", "Dropout"] * 6
    widths = [(layer.in_features, layer.out_features) for layer in generator.layers[::3]]
    assert widths == [(4 * SIZE, 9), *[(9, 9)] * 4, (9, SIZE)]


def test_without_sampling_the_layer_is_the_mean_of_the_slow_version(parts):
    generator, maps = (part.eval() for part in parts)
    language, task = torch.randn(2, SIZE).double()
    layer = maps(generator(language[None], task[None]), sampled=False)
    mean, _, bias = slow_layer(generator, maps, language, task)
    torch.testing.assert_close(layer.weight, mean)
    torch.testing.assert_close(layer.bias, bias)


@pytest.mark.parametrize("noise", ["deviation", "variance"])
def test_averaging_sampled_layers_averages_their_logits(parts, noise):
    generator, maps = (part.eval() for part in parts)
    maps.noise = noise
    languages, tasks = torch.randn(2, 3, SIZE).double()
    hidden = torch.randn(5, HIDDEN).double()
    torch.manual_seed(1)
    layer = maps(generator(languages, tasks), sampled=True)
    torch.manual_seed(1)
    noises = torch.randn(3, LABELS * HIDDEN, dtype=torch.float64).view(3, LABELS, HIDDEN)
    logits = torch.zeros(5, LABELS).double()
    for language, task, drawn in zip(languages, tasks, noises, strict=True):
        mean, variance, bias = slow_layer(generator, maps, language, task)
        weight = mean + (variance.sqrt() if noise == "deviation" else variance) * drawn
        for i, x in enumerate(hidden):
            logits[i] += (weight @ x + bias) / 3
    torch.testing.assert_close(hidden @ layer.weight.T + layer.bias, logits)

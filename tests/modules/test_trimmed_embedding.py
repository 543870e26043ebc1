"""The rows of some tokens, trained in a small matrix: the numbers of the dense way, other rows untouched."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from hxbench.modules.trimmed_embedding import training_rows_of

TEXT = torch.tensor([[5, 2, 9, 5], [7, 9, 3, 0]])  # 0 is padding
ROWS = [2, 3, 5, 7, 9]


class Words(nn.Module):
    """A model of words: an embedding as the library's models have it, and a head."""

    def __init__(self, padding=0):
        super().__init__()
        self.words = nn.Embedding(12, 6, padding_idx=padding)
        self.head = nn.Linear(6, 3)

    def get_input_embeddings(self):
        return self.words

    def set_input_embeddings(self, value):
        self.words = value

    def forward(self, ids):
        return self.head(torch.tanh(self.words(ids)).mean(1))


@pytest.fixture
def words():
    torch.manual_seed(0)
    return Words()


def steps(model, count=3):
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.05, weight_decay=0)
    for _ in range(count):
        functional.cross_entropy(model(TEXT), torch.tensor([0, 2])).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


@pytest.mark.parametrize("tokens", [ROWS, [0, *ROWS], list(range(12))], ids=["text", "padding too", "all"])
def test_steps_of_adamw_are_those_of_the_dense_way(words, tokens):
    dense, before = copy.deepcopy(words), words.words.weight.detach().clone()
    steps(dense)
    with training_rows_of(words, torch.tensor(tokens)):
        steps(words)
    for (name, found), (_, wanted) in zip(words.named_parameters(), dense.named_parameters(), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-7, msg=name)
    others = [row for row in range(12) if row not in ROWS]
    assert torch.equal(words.words.weight[others], before[others])
    assert (words.words.weight[ROWS] - before[ROWS]).abs().min() > 0.01


def test_inside_a_token_has_its_trained_row_or_the_one_it_had(words):
    before = words.words.weight.detach().clone()
    everything = torch.arange(12).reshape(3, 4)
    with training_rows_of(words, torch.tensor([2, 3])):
        assert torch.equal(words.words(everything), before[everything])
        with torch.no_grad():
            words.words.rows.add_(1.0)
        found = words.words(everything).flatten(0, 1)
        trained = {name for name, p in words.named_parameters() if p.requires_grad}
        assert trained == {"words.rows", "head.weight", "head.bias"}
        assert words.words.rows.shape == (2, 6)
    before[[2, 3]] += 1.0
    assert torch.equal(found, before)
    assert torch.equal(words.words.weight, before)


def test_without_a_padding_every_row_can_be_trained():
    model = Words(padding=None)
    with training_rows_of(model, torch.tensor([0, 5])):
        assert model.words.rows.shape == (2, 6)


def test_afterwards_the_model_has_its_own_embedding_even_when_stopped(words):
    own, names = words.words, list(words.state_dict())

    def stopped():
        with training_rows_of(words, torch.tensor(ROWS)):
            steps(words, 1)
            raise KeyboardInterrupt

    before = own.weight.detach().clone()
    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert words.words is own
    assert list(words.state_dict()) == names
    assert own.weight.requires_grad
    assert (own.weight[ROWS] - before[ROWS]).abs().min() > 0.01

"""An encoder and a decoder write answers, on a tiny random T5: against the library's own ways."""

import pytest
import torch
from tiny_t5 import END, tiny_batch, tiny_t5

from hxbench.answering.answer import Objective
from hxbench.backbones.sites import SiteKey
from hxbench.methods.full import Full
from hxbench.methods.method import Setup
from hxbench.tasks.encoding.batch import IGNORED


class Shift:
    """What an adapter brings: every row moved by a vector of its own, [rows, 1, hidden]."""

    def __init__(self, rows):
        self.rows = rows

    def apply(self, hidden):
        return hidden + self.rows


class Shifted(Full):
    """Moves every row by its task, and in the decoder by what the encoder made of it too."""

    roles = ("ffn",)
    reads_first = True

    def weights(self, condition):
        rows = torch.sin(torch.arange(16.0) * (1 + condition.tasks[:, None]))
        if condition.side == "answering":
            rows = rows + condition.pooled
        stack = {"reading": "encoder", "answering": "decoder"}[condition.side]
        return {SiteKey(1, f"{stack}_ffn"): Shift(rows[:, None])}


class Prompted(Full):
    """Puts virtual tokens before every text, and remembers what it was shown."""

    virtual = 3

    def prompt(self, embedded, text, condition):
        self.shown = embedded
        return torch.cos(torch.arange(self.virtual * 16.0)).view(1, self.virtual, 16).expand(len(embedded), -1, -1)


class Costly(Full):
    """Has an extra loss that is a mean over rows."""

    def extra_loss(self, answered, batch):
        pooled = answered.encoded.condition.pooled
        return pooled.square().mean() * batch.own / batch.rows


def method_of(kind=Full, *, tasks=("rte", "cola", "sst2"), objective=None, **shape):
    return kind(Setup(tiny_t5(**shape), tasks, objective=objective or Objective()), kind.Options()).eval()


@pytest.fixture
def method():
    return method_of()


@pytest.fixture(params=[Full, Shifted, Prompted], ids=lambda kind: kind.__name__)
def any_method(request):
    return method_of(request.param)


MIXED = {"tasks": [0, 2, 1, 0]}


def slow_loss(logits, targets, smoothing, mean):
    """Reference: of every piece (1 - ε) of its own and ε of the mean negative log-probability."""
    total, count = 0.0, 0
    for row, pieces in zip(logits, targets, strict=True):
        for scores, piece in zip(row, pieces.tolist(), strict=True):
            if piece != IGNORED:
                found = [float(s) - float(scores.logsumexp(0)) for s in scores]
                total -= (1 - smoothing) * found[piece] + smoothing * sum(found) / len(found)
                count += 1
    return total / count if mean else total


def test_the_loss_is_the_librarys_own(method):
    batch = tiny_batch()
    own = method.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.targets)
    torch.testing.assert_close(method(batch), own.loss)
    torch.testing.assert_close(method.logits(batch), own.logits)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("token_loss", ["mean", "sum"])
def test_the_loss_is_the_slow_one(smoothing, token_loss):
    method = method_of(Shifted, objective=Objective(smoothing, token_loss))
    batch = tiny_batch(**MIXED)
    expected = slow_loss(method.logits(batch).detach(), batch.targets, smoothing, token_loss == "mean")
    loss = method(batch)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    comparable = not smoothing and token_loss == "mean"
    assert (method.cross_entropy_in(loss) is loss) == comparable


def test_a_loss_that_something_is_added_to_is_not_compared_with_labels():
    method = method_of(Costly)
    assert method.cross_entropy_in(method(tiny_batch(**MIXED))) is None


@pytest.mark.parametrize("token_loss", ["mean", "sum"])
@pytest.mark.parametrize("kind", [Shifted, Costly])
def test_the_shares_of_processes_add_up_to_the_whole(kind, token_loss):
    method = method_of(kind, objective=Objective(0.1, token_loss))
    whole = method(tiny_batch(**MIXED))
    for world in (2, 3):
        shares = [method(tiny_batch(**MIXED, share=(rank, world))) for rank in range(world)]
        torch.testing.assert_close(sum(shares), whole)


def test_a_process_without_rows_of_its_own_adds_no_cross_entropy(method):
    lonely = {"lengths": (4,), "targets": (2,)}
    shares = [method(tiny_batch(**lonely, share=(rank, 2))) for rank in range(2)]
    assert shares[1].item() == 0
    torch.testing.assert_close(shares[0], method(tiny_batch(**lonely)))


def test_gradients_reach_the_backbone(method):
    method(tiny_batch()).backward()
    for parameter in (method.model.shared.weight, method.model.encoder.block[0].layer[1].DenseReluDense.wi.weight):
        assert parameter.grad.abs().sum() > 0


def test_padding_changes_nothing(any_method):
    batch = tiny_batch(**MIXED)
    logits, answers = any_method.logits(batch), any_method.generate(batch, 5)
    for row, (length, target) in enumerate(zip((5, 9, 3, 12), (2, 4, 1, 3), strict=True)):
        alone = tiny_batch(**MIXED)
        some = {
            name: getattr(alone, name)[row : row + 1]
            for name in ("input_ids", "attention_mask", "targets", "tasks")
        }
        some["input_ids"], some["attention_mask"] = (some[k][:, :length] for k in ("input_ids", "attention_mask"))
        one = type(alone)(**{**vars(alone), **some})
        torch.testing.assert_close(any_method.logits(one)[0, :target], logits[row, :target], rtol=1e-4, atol=1e-4)
        found = any_method.generate(one, 5)[0].tolist()
        assert answers[row].tolist() == found + [0] * (answers.shape[1] - len(found))


def test_rows_get_the_weights_of_their_task():
    method = method_of(Shifted)
    mixed = method.logits(tiny_batch(**MIXED))
    for task in range(3):
        alike = method.logits(tiny_batch(tasks=[task] * 4))
        for row, own in enumerate(MIXED["tasks"]):
            same = torch.allclose(mixed[row], alike[row], atol=1e-4)
            assert same == (own == task)


def test_sites_are_left_alone_between_the_stacks():
    method = method_of(Shifted)
    batch = tiny_batch()
    method.logits(batch)
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, "labels": batch.targets}
    torch.testing.assert_close(method.model(**inputs).logits, tiny_t5().model(**inputs).logits, rtol=0, atol=0)


def test_one_place_knows_of_virtual_tokens():
    method, batch = method_of(Prompted), tiny_batch()
    encoded = method.encode(batch)
    rows, length = batch.input_ids.shape
    assert method.shown.shape == (rows, length, 16), "a prompt is shown the pieces, not itself"
    assert encoded.states.shape == (rows, 3 + length, 16)
    assert encoded.mask.tolist() == [[1] * 3 + mask for mask in batch.attention_mask.tolist()]
    for row in range(rows):  # reference: a loop over the real pieces
        real = [encoded.states[row, 3 + i] for i in range(length) if batch.attention_mask[row, i]]
        torch.testing.assert_close(encoded.condition.pooled[row], torch.stack(real).mean(0))
    assert method.logits(batch).shape == (*batch.targets.shape, 20), "and the decoder does not see them"
    method.virtual = 0
    torch.testing.assert_close(method.logits(batch), method_of().logits(batch))


def test_pooled_of_plain_texts_leaves_padding_out(method):
    batch = tiny_batch()
    encoded = method.encode(batch)
    for row, length in enumerate((5, 9, 3, 12)):
        torch.testing.assert_close(encoded.condition.pooled[row], encoded.states[row, :length].mean(0))


def test_what_the_decoder_reads(method):
    targets = torch.tensor([[5, 6, END], [7, END, IGNORED]])
    assert method.answering.shifted(targets).tolist() == [[0, 5, 6], [0, 7, END]]
    assert method.answering.shifted(torch.tensor([[5, IGNORED, IGNORED]])).tolist() == [[0, 5, 0]]


def library_answers(model, batch, **options):
    found = model.generate(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, do_sample=False, **options
    )
    return found[:, 1:].tolist()


def until_end(answers):
    return [row[: row.index(END) + 1] if END in row else row for row in answers]


SEEDS = range(5)  # other weights give other answers; they end at once, later and not at all


@pytest.mark.parametrize("seed", SEEDS)
def test_greedy_is_the_librarys(seed):
    method, batch = method_of(seed=seed), tiny_batch()
    found = method.generate(batch, 6).tolist()
    assert found == library_answers(method.model, batch, num_beams=1, max_new_tokens=6)
    # which asks the library for the shortest answer and has it decode by itself
    some = method.generate(batch, 6, shortest=2).tolist()
    assert all(len(row) >= 2 for row in until_end(some))


def test_random_weights_give_answers_that_differ_and_end():
    answers = [row for seed in SEEDS for row in method_of(seed=seed).generate(tiny_batch(), 6).tolist()]
    assert len({tuple(row) for row in answers}) > 8, "otherwise the comparisons say little"
    assert 3 < sum(END in row for row in answers) < len(answers) - 3
    assert {row.index(END) for row in answers if END in row} > {0}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("beams", [2, 4])
def test_beams_are_the_librarys(seed, beams):
    method, batch = method_of(seed=seed), tiny_batch()
    found = method.generate(batch, 6, beams=beams).tolist()
    assert until_end(found) == until_end(library_answers(method.model, batch, num_beams=beams, max_new_tokens=6))


@pytest.mark.parametrize("beams", [1, 3])
def test_answers_are_as_long_as_asked_for(beams):
    for seed in SEEDS:
        method = method_of(seed=seed)
        found = until_end(method.generate(tiny_batch(), 7, shortest=4, beams=beams).tolist())
        assert all(4 <= len(row) <= 7 for row in found)


def test_beams_take_the_weights_of_their_row():
    method = method_of(Shifted)
    mixed = method.generate(tiny_batch(**MIXED), 6, beams=3)
    for row, task in enumerate(MIXED["tasks"]):
        alike = method.generate(tiny_batch(tasks=[task] * 4), 6, beams=3)
        assert until_end([mixed[row].tolist()]) == until_end([alike[row].tolist()])


def test_scores_of_an_answer_are_those_of_the_loss(any_method):
    """Greedy decoding step by step is what teacher forcing gives for its own answer."""
    batch = tiny_batch(**MIXED)
    answers = any_method.generate(batch, 5)
    ended = (answers == END).cumsum(1) - (answers == END).long() > 0
    own = answers.masked_fill(ended, IGNORED)
    writing = any_method.answering
    best = writing.decode(any_method, any_method.encode(batch), writing.shifted(own)).argmax(-1)
    assert torch.equal(best[~ended], answers[~ended])
    assert (answers[ended] == 0).all()

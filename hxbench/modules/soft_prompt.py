"""Soft prompts: `peft`'s embeddings of virtual tokens, and the attention over several of them (ATTEMPT).

Only the embeddings are taken from `peft`. Where virtual tokens stand, and what becomes of the mask, is the
business of `answering` alone.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hxbench.backbones.load import Backbone
from hxbench.modules.parameters import fill

EMBEDDING = "soft.embedding.weight"  # the name of a prompt among the trained parameters of every prompt method


def _shape(backbone: Backbone, tokens: int) -> dict[str, Any]:
    return {
        "task_type": "SEQ_2_SEQ_LM",
        "num_virtual_tokens": tokens,
        "token_dim": backbone.embedded_size,
        "num_transformer_submodules": 1,  # before the encoder's input alone
        "num_attention_heads": backbone.heads,
        "num_layers": backbone.layer_count,
        "prompt_tuning_init": "SAMPLE_VOCAB",
    }


def _first_words(backbone: Backbone, count: int) -> nn.Embedding:
    """Return the embeddings of the first entries of the vocabulary, which `peft` draws from with replacement."""
    model: Any = backbone.model
    words = model.get_input_embeddings()
    rows = torch.arange(min(count, len(words.weight)), device=words.weight.device)
    return nn.Embedding.from_pretrained(words(rows).detach())  # as texts get them: Gemma's are scaled


def sampled_prompt(backbone: Backbone, tokens: int, sample_from: int) -> Tensor:
    """Return a prompt [tokens, hidden] of words drawn among the first `sample_from` of the vocabulary."""
    from peft import PromptEmbedding, PromptTuningConfig

    config = PromptTuningConfig(**_shape(backbone, tokens))
    weight: Tensor = PromptEmbedding(config, _first_words(backbone, sample_from)).embedding.weight
    return weight.detach()


def multitask_prompt(backbone: Backbone, tasks: int, tokens: int, sample_from: int) -> nn.Module:
    """Return a prompt shared by `tasks`, each with rank-1 factors that it is multiplied by, N(0, 0.02²).

    Called with virtual tokens [n, tokens] and tasks [n] it gives the tasks' prompts, [n, tokens, hidden]: the
    shared one times column · row. Columns [tokens] are in `prefix_task_cols`, rows [hidden] in `prefix_task_rows`.
    """
    from peft import MultitaskPromptTuningConfig
    from peft.tuners.multitask_prompt_tuning import MultitaskPromptEmbedding

    config = MultitaskPromptTuningConfig(**_shape(backbone, tokens), num_tasks=tasks, num_ranks=1)
    found: nn.Module = MultitaskPromptEmbedding(config, _first_words(backbone, sample_from))
    return found


def take_prompt(prompt: nn.Parameter, tensors: Mapping[str, Tensor], origin: str) -> None:
    """Put the prompt that a finished run of prompt tuning trained into `prompt`."""
    fill({EMBEDDING: prompt}, tensors, origin)


class PromptAttention(nn.Module):
    """How much of each of several prompts an input takes, by what its tokens and theirs have at most (ATTEMPT).

    hidden → inner → hidden with SiLU between, no biases, then LayerNorm; its product with the prompts' maxima over
    their tokens, divided by the temperature, goes through a softmax.
    """

    def __init__(self, hidden: int, inner: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.down = nn.Linear(hidden, inner, bias=False)
        self.up = nn.Linear(inner, hidden, bias=False)
        self.norm = nn.LayerNorm(hidden)

    def forward(self, embedded: Tensor, mask: Tensor, prompts: Tensor) -> Tensor:
        """Return shares [batch, prompts], in fp32.

        `embedded` are the tokens [batch, length, hidden], `mask` [batch, length] is 0 at padding, which would
        otherwise win a maximum now and then; `prompts` are [prompts, tokens, hidden].
        """
        tokens = embedded.float().masked_fill(mask[..., None] == 0, torch.finfo(torch.float32).min)
        query = self.norm(self.up(nn.functional.silu(self.down(tokens.amax(1)))))
        return ((query @ prompts.float().amax(1).T) / self.temperature).softmax(-1)

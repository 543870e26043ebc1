"""What a corpus looks like once read: tasks, label lists and columns."""

from typing import TYPE_CHECKING

from hxbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import datasets

CORPUS_OF_TASK = {"ner": "wikiann", "pos": "ud", "mlm": "text"}
SPLITS = ("train", "dev", "test")

NER_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
UPOS_TAGS = tuple("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
NO_UPOS = "_"  # what a multi-word token has; the 18th label of the published code


def labels(task: str) -> tuple[str, ...]:
    """Return the labels of a task by class id: 7 for `ner`, 18 for `pos`, none for `mlm`."""
    if task not in CORPUS_OF_TASK:
        raise InputError(did_you_mean("task", task, list(CORPUS_OF_TASK)))
    return {"ner": NER_TAGS, "pos": (*UPOS_TAGS, NO_UPOS), "mlm": ()}[task]


def features(task: str) -> "datasets.Features":
    """Return the columns of a task's corpus.

    `ner` and `pos` have `words` and `tags`, two lists of one length in each row, a tag being an index into
    `labels(task)`; `mlm` has `text`, one sentence a row.
    """
    from datasets import Features, List, Value

    if not labels(task):
        return Features({"text": Value("string")})
    return Features({"words": List(Value("string")), "tags": List(Value("int8"))})

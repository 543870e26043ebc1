"""What a corpus looks like once read: its splits and columns."""

from typing import TYPE_CHECKING

from hxbench.tasks import task_of

if TYPE_CHECKING:
    import datasets

SPLITS = ("train", "dev", "test")


def features(task: str) -> "datasets.Features":
    """Return the columns of a tagged corpus, or of running text.

    The former has `words` and `tags`, two lists of one length in each row, a tag being an index into the labels of
    the task; the latter has `text`, one sentence a row.
    """
    from datasets import Features, List, Value

    if not task_of(task).labels:
        return Features({"text": Value("string")})
    return Features({"words": List(Value("string")), "tags": List(Value("int8"))})

"""What a corpus looks like once read: its splits, and the columns of each type of task."""

from typing import TYPE_CHECKING

from hxbench.tasks import Task

if TYPE_CHECKING:
    import datasets

SPLITS = ("train", "dev", "test")


def features(task: Task) -> "datasets.Features":
    """Return the columns of a task's corpora.

    Tagged ones have `words` and `tags`, two lists of one length in each row, a tag being an index into the
    labels of the task. Raw text has `text`, one sentence a row. Tasks whose answers are to texts have `fields`
    (a list of strings, in the order of `Task.fields`) and `target` (a string: the class id, the score as it is
    written, the reference text, or the answers to a question with a line feed between them).
    """
    from datasets import Features, List, Value

    if task.answers_texts:
        return Features({"fields": List(Value("string")), "target": Value("string")})
    if task.type == "masked-lm":
        return Features({"text": Value("string")})
    return Features({"words": List(Value("string")), "tags": List(Value("int8"))})

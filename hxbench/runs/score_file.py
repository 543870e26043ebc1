"""A user's file with right answers, scored with a finished run or an export."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hxbench.backbones.backbone import Backbone
from hxbench.data.readers import READERS, Options, require_taken
from hxbench.data.user_files import LABELLED, column_for, kind_of
from hxbench.data.user_texts import form_of, read_unanswered
from hxbench.errors import InputError
from hxbench.methods.method import Method
from hxbench.runs.predict import NAMES, Report, input_file
from hxbench.runs.predictor import Predictor, tagged_split, text_split
from hxbench.runs.scored import Scored
from hxbench.runs.scoring import Split, score_split
from hxbench.tasks import Task

_EXAMPLES = 1000  # encoded at once
_NO_SCHEME = ("wikiann",)  # whose labels count as they stand, as in the suite's own corpora


def score_file(
    predictor: Predictor,
    given: str,
    options: Options,
    *,
    form: str | None = None,
    report: Report = lambda done, total: None,
) -> Scored:
    """Return the file `given` (`-`: standard input) with its right answers and those of the model.

    It is read as the run read its corpora. `options` say where words and answers are and how labels are mapped;
    the labels known are those of the task, spans in IOB2 unless a scheme is named. The whole file is read before
    the model is loaded, and nothing is written. Raises `InputError`.
    """
    task = predictor.task
    with input_file(given) as path:
        split_of: Callable[[Method, Backbone, slice], Split]
        if task.answers_texts:
            if options.words or options.scheme or options.comments:
                raise InputError(
                    f"{task.title} answers texts: --words, --scheme and --comments do not apply to it."
                )
            form = form_of(path, task, form, labelled=True)
            require_taken(form, options, NAMES)
            options = replace(options, tags=options.tags or "label")
            examples = list(read_unanswered(path, form, task, options))
            count = len(examples)

            def split_of(method: Method, backbone: Backbone, part: slice) -> Split:
                some = examples[part]
                fields, targets = [one.fields for one in some], [one.target for one in some]
                return text_split(predictor, method, backbone, fields, targets)

        else:
            if form == "text":
                raise InputError("raw text has no labels to score against; expected a file with them.")
            rows = _sentences(predictor, path, kind_of(path, form, LABELLED), options)
            count, ids = len(rows), {label: number for number, label in enumerate(task.labels)}

            def split_of(method: Method, backbone: Backbone, part: slice) -> Split:
                some = rows[part]
                tags = [[ids[tag] for tag in row["tags"]] for row in some]
                return tagged_split(predictor, backbone, [row["words"] for row in some], tags)

    method, backbone = predictor.load()
    parts, device = [], next(method.parameters()).device
    with torch.inference_mode():
        for start in range(0, count, _EXAMPLES):
            report(start, count)
            split = split_of(method, backbone, slice(start, start + _EXAMPLES))
            parts.append(score_split(method, split, predictor.batch_size, device))
    report(count, count)
    gold, predicted = ([one for part in parts for one in getattr(part, name)] for name in ("gold", "predicted"))
    return replace(parts[0], gold=gold, predicted=predicted, cut=sum(part.cut for part in parts))


def _sentences(predictor: Predictor, path: Path, form: str, options: Options) -> list[dict[str, Any]]:
    require_taken(form, options, NAMES)
    task, data = predictor.task, predictor.data
    tags = options.tags or (column_for(task.name, form) if form == "conllu" else "")
    if form not in ("conllu", "columns", "wikiann"):
        tags = tags or "tags"
    scheme = options.scheme or ("bio" if is_spans(task) and form not in _NO_SCHEME else "")
    if options.scheme and not is_spans(task):
        raise InputError(f"{task.title} labels words and no spans: --scheme does not apply to it.")
    multiword = data.multiword if data else "skip"
    options = replace(options, tags=tags, scheme=scheme, labels=task.labels, multiword=multiword)
    return [row for _, row in READERS[form].read(path, options)]


def is_spans(task: Task) -> bool:
    """Return whether the labels of words are parts of spans, in IOB2."""
    return task.type == "tagging" and "O" in task.labels and any(label.startswith("B-") for label in task.labels)

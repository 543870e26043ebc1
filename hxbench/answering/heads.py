"""What answers by a head for each task have in common: batches of one task, or of several."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from hxbench.answering.stack import StackAnswering
from hxbench.tasks import Task, task_names, task_of
from hxbench.tasks.encoding.batch import IGNORED, MIXED, Batch
from hxbench.tasks.encoding.classes import THOUSAND, head_scale

if TYPE_CHECKING:
    from hxbench.methods.method import Method

NEVER = -1e4  # the logit of a class that the task of a row has not


class HeadAnswering(StackAnswering):
    """A head for each task; `heads` are given by what is built on it."""

    writes = False
    heads: nn.ModuleDict

    def parts(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"heads": list(self.heads.parameters())}

    def task(self, name: str) -> Task:
        """Return the task of this name: with a shared head it may be another than the head was trained on."""
        return task_of(name) if name in task_names() else next(iter(self.tasks.values()))

    def classes(self, name: str) -> int:
        """Return how many classes of a task are in its loss."""
        return len(self.task(name).labels)

    def head_logits(self, hidden: Tensor, name: str) -> Tensor:
        """Return the logits [n, classes] that a task's head makes of hidden states [n, hidden]."""
        logits: Tensor = self.heads[name](hidden)
        return logits

    def logits(self, method: "Method", hidden: Tensor, batch: Batch, tasks: Tensor) -> Tensor:
        """Return the logits [n, classes] of hidden states [n, hidden], of which `tasks` [n] says the tasks.

        Of several tasks with different classes, what a row's task has not gets a logit of `NEVER`.
        """
        if batch.task != MIXED:
            return self.head_logits(hidden, batch.task)
        each = {name: self.head_logits(hidden, name) for name in self.tasks}
        widest = max(logits.shape[1] for logits in each.values())
        out = hidden.new_full((len(hidden), widest), NEVER, dtype=torch.float32)
        for name, logits in each.items():
            padded = nn.functional.pad(logits.float(), (0, widest - logits.shape[1]), value=NEVER)
            out = torch.where((tasks == method.places[name])[:, None], padded, out)
        return out

    def loss(self, method: "Method", logits: Tensor, targets: Tensor, batch: Batch, tasks: Tensor) -> Tensor:
        """Return this process's share of the loss of logits [n, classes]: cross-entropy, or of numbers a distance.

        `targets` are [n], -100 where there are none; numbers are in thousandths, and their loss is the squared
        difference.
        """
        names = list(self.tasks) if batch.task == MIXED else [batch.task]
        if len(names) == 1 and self.task(names[0]).type != "regression":
            return method.objective.share_of_loss(logits, targets, batch.count)
        shares = []
        for name in names:
            own = targets if len(names) == 1 else targets.masked_fill(tasks != method.places[name], IGNORED)
            if self.task(name).type == "regression":
                apart = (logits[:, 0].float() - own / THOUSAND).square()
                shares.append((apart * (own != IGNORED)).sum() / batch.count)
            else:
                own_logits = logits[:, : self.classes(name)]
                shares.append(method.objective.share_of_loss(own_logits, own, batch.count))
        return torch.stack(shares).sum()

    def chosen(self, logits: Tensor, name: str) -> Tensor:
        """Return the label ids [n] that logits [n, classes] are highest at, or numbers in thousandths."""
        task = self.task(name)
        if task.type == "regression":
            low, unit = map(float, head_scale(task))  # of STS-B 0 and 1
            return ((low + unit * logits[:, 0]) * THOUSAND).round().long()
        return logits[:, : len(task.labels)].argmax(-1)

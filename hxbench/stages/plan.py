"""What one run trains on, selects by and scores, given what the data source holds."""

import hashlib
from dataclasses import dataclass

from hxbench.corpora.load import Corpora
from hxbench.errors import InputError
from hxbench.settings import Pair, source_pairs, target_pairs
from hxbench.spec import DataSpec, RunSpec


@dataclass(frozen=True)
class Plan:
    """The pairs of a run and the splits they come from."""

    train: dict[Pair, str]  # labelled sources; the split is "test" where a treebank has no other (Hyper-X, App. A)
    mlm: tuple[str, ...]  # languages with running text
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]
    missing: tuple[Pair, ...]  # wanted, but not in this data source

    def used(self) -> list[tuple[str, str, str]]:
        """Return every (task, language, split) that the run reads."""
        splits = [(*pair, split) for pair, split in self.train.items()]
        splits += [("mlm", language, "train") for language in self.mlm]
        splits += [(*pair, "dev") for pair in self.validation]
        splits += [(*pair, "test") for pair in self.test]
        return splits


def training_split(corpora: Corpora, pair: Pair) -> str | None:
    """Return the split a source pair is trained on: train, else test, else None when the pair is lacking."""
    return next((split for split in ("train", "test") if split in corpora.splits(*pair)), None)


def plan_run(spec: RunSpec, corpora: Corpora, *, uses_mlm: bool) -> Plan:
    """Return the plan of a run; `InputError` when nothing labelled is left to train on."""
    sources = source_pairs(spec.setting, spec.task, spec.partition, corpora.languages)
    targets = target_pairs(spec.setting, spec.task, corpora.languages)
    train = {pair: split for pair in sources if (split := training_split(corpora, pair))}
    if not train:
        wanted = ", ".join(map(str, sources[:4]))
        raise InputError(f"the data source holds none of the labelled sources of this run ({wanted} …).")
    # a pair trained on its test split has nothing left to be selected or scored by
    spent = {pair for pair, split in train.items() if split == "test"}
    choices = {
        "sources": [p for p in sources if p in train and p not in spent],
        "english": [p for p in sources if corpora.languages[p.language].group == "source"],
        "targets": [p for p in targets if p not in train],
        "last": [],
    }
    mlm = [code for code in corpora.languages if corpora.splits("mlm", code)] if uses_mlm else []
    if spec.training.mlm_languages != "all":
        keep = spec.training.mlm_languages == "unseen"
        mlm = [code for code in mlm if keep and corpora.languages[code].group == "unseen"]
    return Plan(
        train=train,
        mlm=tuple(mlm),
        validation=tuple(p for p in choices[spec.training.selection] if "dev" in corpora.splits(*p)),
        test=tuple(p for p in targets if p not in spent and "test" in corpora.splits(*p)),
        missing=tuple(p for p in targets if "test" not in corpora.splits(*p)),
    )


def fingerprinted(data: DataSpec, plan: Plan, corpora: Corpora) -> DataSpec:
    """Return the data part of a spec with the fingerprint of everything the run reads."""
    digest = hashlib.sha256()
    for task, language, split in sorted(plan.used()):
        digest.update(f"{task} {language} {split} {corpora.fingerprint(task, language, split)}\n".encode())
    return data.model_copy(update={"fingerprint": digest.hexdigest()[:16]})

"""What one run trains on, selects by and scores, given what the data source holds."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hxbench.data import Corpora
from hxbench.errors import InputError, LackingData, did_you_mean
from hxbench.spec.recipe import stacks_of
from hxbench.spec.run_spec import DataSpec, RunSpec
from hxbench.spec.settings import Pair, source_pairs, target_pairs, text_pairs

if TYPE_CHECKING:
    from hxbench.methods.method import Method


@dataclass(frozen=True)
class Plan:
    """The pairs of a run and the splits they come from."""

    train: dict[Pair, str]  # labelled sources; the split is "test" where a treebank has no other (Hyper-X, App. A)
    mlm: tuple[str, ...] = ()  # languages with raw text that is trained on
    counted: tuple[str, ...] = ()  # languages whose raw text only counts: for runs that match labelled updates
    validation: tuple[Pair, ...] = ()
    test: tuple[Pair, ...] = ()
    missing: tuple[Pair, ...] = ()  # wanted, but not in this data source
    notes: tuple[str, ...] = ()  # what else cannot be done or has to be known, one sentence each
    probes: tuple[Pair, ...] = ()  # pairs whose test splits are looked at without being scored

    def used(self) -> list[tuple[str, str, str]]:
        """Return every (task, language, split) that the run reads."""
        splits = [(*pair, split) for pair, split in self.train.items()]
        splits += [("mlm", language, "train") for language in {*self.mlm, *self.counted}]
        splits += [(*pair, "dev") for pair in self.validation]
        splits += [(*pair, "test") for pair in dict.fromkeys((*self.test, *self.probes))]
        return splits


def training_split(corpora: Corpora, pair: Pair) -> str | None:
    """Return the split a source pair is trained on, None where it is lacking.

    The test split stands in where the paper says so: for a treebank of which the release has no other.
    """
    found = corpora.splits(*pair)
    stands_in = corpora.train_on(*pair) == "test"
    return next((split for split in ("train", *(("test",) if stands_in else ())) if split in found), None)


def _training_splits(corpora: Corpora, sources: Sequence[Pair], *, required: bool) -> dict[Pair, str]:
    """Return the split of every source that is here; `InputError` for one that is here without that split.

    A few-shot run (`required` false) is told apart where it draws its examples: of a grid it is then left out.
    """
    splits = {pair: split for pair in sources if (split := training_split(corpora, pair))}
    for pair in sources:
        if required and pair not in splits and corpora.splits(*pair):
            corpora.require(*pair, "train")
    return splits


def plan_run(spec: RunSpec, corpora: Corpora, method: "type[Method]") -> Plan:
    """Return the plan of a run of a method.

    Raises `LackingData` where nothing is left to train on, to select by or to be scored on, and `InputError` for
    fewer examples than wanted and for a way of selection that the tasks do not have.
    """
    if spec.setting == "language":
        return _language_plan(spec, corpora)
    if spec.answers_texts:
        return _text_plan(spec, corpora, method)
    held_out = _held_out(spec, corpora)
    sources = [p for p in _sources(spec, corpora) if p.language not in held_out]
    targets = target_pairs(spec.setting, spec.task, spec.data)
    without_text = [
        code
        for code in dict.fromkeys(pair.language for pair in targets)
        if method.needs_text and not corpora.splits("mlm", code)
    ]
    sources, targets = ([p for p in pairs if p.language not in without_text] for pairs in (sources, targets))
    train = _training_splits(corpora, sources, required=not spec.few_shot)
    if not train:
        wanted = ", ".join(map(str, sources[:4]))
        raise LackingData(f"the data source holds none of the labelled sources of this run ({wanted} …).")
    known = {pair.language for pair in train}
    without_label = [
        code
        for code in dict.fromkeys(pair.language for pair in targets)
        if method.needs_labels and code not in known
    ]
    targets = [p for p in targets if p.language not in without_label]
    notes = [
        f"{spec.method} scores no language without {lack}: {', '.join(codes)}."
        for lack, codes in (("raw text", without_text), ("a labelled source", without_label))
        if codes
    ]
    if spec.few_shot:
        targets = sources
        require_examples(sources[0], train, spec.few_shot.k, corpora)
    if spec.training.selection == "targets":
        notes.append(
            f"{spec.method} chooses its weights on the development sets of held-out pairs: not strictly zero-shot."
        )
    # a pair trained on its test split has nothing left to be selected or scored by
    spent = {pair for pair, split in train.items() if split == "test"}
    choices = {
        "sources": [p for p in sources if p in train and p not in spent],
        "english": [p for p in sources if corpora.languages[p.language].group == "source"],
        "targets": [p for p in targets if p not in train],
        "last": [],
    }
    # beside tagging an encoder alone models language
    uses_mlm = method.uses_mlm and stacks_of(spec.backbone) in ("", "encoder")
    texts = [code for code in corpora.languages if uses_mlm and code not in held_out]
    texts = [code for code in texts if corpora.splits("mlm", code)]
    mlm = texts
    if spec.training.mlm_languages != "all":
        keep = spec.training.mlm_languages == "unseen"
        mlm = [code for code in mlm if keep and corpora.languages[code].group == "unseen"]
    return Plan(
        train=train,
        mlm=tuple(mlm),
        counted=tuple(texts) if spec.training.match_labelled else (),
        validation=tuple(p for p in choices[spec.training.selection] if "dev" in corpora.splits(*p)),
        test=tuple(p for p in targets if p not in spent and "test" in corpora.splits(*p)),
        missing=tuple(p for p in targets if "test" not in corpora.splits(*p)),
        notes=tuple(notes),
    )


def _text_plan(spec: RunSpec, corpora: Corpora, method: "type[Method]") -> Plan:
    """Return the plan of a run on tasks of texts: those of its model, or the one it is tuned to.

    A run with transfer is scored on other tasks as well, of which it reads the test sets and nothing else.
    """
    shot = spec.few_shot
    wanted = [Pair(shot.task, shot.language)] if shot else text_pairs(spec.tasks, spec.data)
    train = {pair: "train" for pair in wanted if "train" in corpora.splits(*pair) and _learns(spec, pair)}
    if not train:
        raise LackingData(f"{spec.title}: the data source has no training set of {_names(wanted)}.")
    if shot:
        require_examples(wanted[0], train, shot.k, corpora)
    validation = _validation(spec, list(train), corpora)
    if not any("test" in corpora.splits(*pair) for pair in train):
        raise LackingData(f"{spec.title}: the data source has no test set of {_names(train)} to be scored on.")
    further = text_pairs(() if shot else spec.foreign, spec.data)
    test = tuple(pair for pair in (*(train if shot else wanted), *further) if "test" in corpora.splits(*pair))
    # tasks that are held against those of a suite: none of its own, none for a model of one task
    fitting = spec.suite == "glue" and not shot
    probes = text_pairs([task for task in method.probes if fitting and task not in spec.tasks], spec.data)
    return Plan(
        train=train,
        validation=validation,
        test=test,
        missing=tuple(pair for pair in (*wanted, *further) if pair not in test),
        probes=tuple(p for p in probes if "test" in corpora.splits(*p)),
    )


def _learns(spec: RunSpec, pair: Pair) -> bool:
    """Return whether a pair is trained on: of a user's own a language that its sources name, where they do."""
    named = spec.data.described.sources.get(pair.task, ()) if spec.data.described else ()
    return bool(spec.few_shot) or not named or pair.language in named


def _validation(spec: RunSpec, trained: list[Pair], corpora: Corpora) -> tuple[Pair, ...]:
    selection = spec.training.selection
    if selection == "last":
        return ()
    if selection != "sources":
        raise InputError(f"{spec.title}: weights are chosen by sources or are the last ones, not by {selection}.")
    without = [pair for pair in trained if "dev" not in corpora.splits(*pair)]
    if without:
        raise LackingData(
            f"{spec.title}: the data source has no development set of {_names(without)}, by which the best "
            "weights would be chosen; --set training.selection=last keeps the last ones."
        )
    return tuple(trained)


def _names(pairs: Iterable[Pair]) -> str:
    return ", ".join(pair.task for pair in pairs)


def _language_plan(spec: RunSpec, corpora: Corpora) -> Plan:
    """Return the plan of a run on the raw text of one language."""
    code = spec.language or ""
    if code not in corpora.languages:
        raise InputError(did_you_mean("language", code, list(corpora.languages)))
    if not corpora.splits("mlm", code):
        raise LackingData(f"{spec.title}: the data source holds no raw text of {code}.")
    return Plan(train={}, mlm=(code,))


def _held_out(spec: RunSpec, corpora: Corpora) -> set[str]:
    """Return the codes here of the languages that must not be trained on."""
    known = {language.paper_code: code for code, language in corpora.languages.items()}
    for name in spec.data.held_out:
        if name not in known and name not in corpora.languages:
            raise InputError(did_you_mean("language", name, list(known)))
    return {known.get(name, name) for name in spec.data.held_out}


def _sources(spec: RunSpec, corpora: Corpora) -> list[Pair]:
    if shot := spec.few_shot:
        if shot.language not in corpora.languages:
            raise InputError(did_you_mean("language", shot.language, list(corpora.languages)))
        return [Pair(shot.task, shot.language)]
    return source_pairs(spec.setting, spec.task, spec.partition, spec.data)


def require_examples(pair: Pair, train: dict[Pair, str], k: int, corpora: Corpora) -> None:
    """Raise `LackingData` unless the training split of a pair has `k` sentences to draw."""
    if train[pair] != "train":
        raise LackingData(f"the data source has no training split of {pair} to draw {k} examples from.")
    if (size := corpora.size(*pair, "train")) < k:
        raise LackingData(f"{k} examples of {pair} are wanted, but its training split has only {size}.")


def fingerprinted(data: DataSpec, plan: Plan, corpora: Corpora) -> DataSpec:
    """Return the data part of a spec with the fingerprint of everything the run reads."""
    digest = hashlib.sha256()
    for task, language, split in sorted(plan.used()):
        digest.update(f"{task} {language} {split} {corpora.fingerprint(task, language, split)}\n".encode())
    return data.model_copy(update={"fingerprint": digest.hexdigest()[:16]})

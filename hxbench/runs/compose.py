"""Language embeddings composed of those of other languages, for languages a run was never trained on.

Three modes, and weights of one's own. `mean`: all known languages alike. `family`: the relatives that a user's
data name, else those that share most of the language's line of descent (Hyper-X, Table 4), else all.
`nearest`: the one whose raw text is nearest by its tokens to the very sentences that are scored; of these only the
words are looked at, so that it is transductive, but needs no label. A known language is one that the run, or a run
it builds on, was trained on in any task or by its text.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np

from hxbench.errors import InputError, did_you_mean
from hxbench.methods.method import Method
from hxbench.runs.data import RunData
from hxbench.runs.plan import training_split
from hxbench.spec.languages import Language, code_among
from hxbench.spec.run_spec import tagging_tasks
from hxbench.spec.settings import Pair
from hxbench.tasks import MLM
from hxbench.tasks.encoding.masking import Vocabulary

OPTION = "interpolate"
MODES = ("mean", "family", "nearest")
SPLIT = "test-composed"  # of rows in the store, which no table of ordinary scores may take for its own


@dataclass(frozen=True)
class Composition:
    """What stands for a language's embedding: weights by language, which add up to 1."""

    mode: str  # one of MODES, or `weights`
    weights: Mapping[str, float]
    note: str = ""

    def __str__(self) -> str:
        alike = len(set(self.weights.values())) == 1
        parts = [code if alike else f"{code} {share:.2f}" for code, share in self.weights.items()]
        return f"{self.mode}{f' ({self.note})' if self.note else ''}: {', '.join(parts)}"


def can_compose(kind: type[Method]) -> bool:
    """Return whether a method has language embeddings that others can be composed of."""
    return callable(getattr(kind, "composed", None))


def parse(text: str, languages: Mapping[str, Language]) -> str | Composition:
    """Return what `--embedding` asks for: one of `MODES`, or a composition with the weights it gives.

    `interpolate` alone is the mean. Raises `InputError` for anything else and for weights that are not positive.
    """
    name, colon, how = text.partition(":")
    choices = [OPTION, *(f"{OPTION}:{mode}" for mode in MODES[1:]), f"{OPTION}:CODE=WEIGHT,…"]
    if name != OPTION or (colon and not how):
        raise InputError(did_you_mean("embedding", text, choices))
    if "=" not in how:
        if how not in ("", *MODES):
            raise InputError(did_you_mean("embedding", text, choices))
        return how or "mean"
    weights: dict[str, float] = {}
    try:
        for item in how.split(","):
            code, _, value = (word.strip() for word in item.partition("="))
            try:
                weight = float(value)
            except ValueError:
                weight = 0.0
            if not 0 < weight < float("inf"):
                raise InputError(f"'{item}' is no language with a positive weight, such as en=0.3.")
            code = code_among(languages.values(), code)
            if code in weights:
                raise InputError(f"{code} is named twice.")
            weights[code] = weight
    except InputError as error:
        raise InputError(f"--embedding {text}: {error}") from None
    return Composition("weights", _shares(weights))


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {code: weight / total for code, weight in weights.items()}


class Composer:
    """Chooses the weights for a pair; `known` are the languages that embeddings were trained of."""

    def __init__(self, data: RunData, known: Iterable[str]) -> None:
        self.data = data
        self.languages: Mapping[str, Language] = data.corpora.languages
        self.known = [code for code in self.languages if code in set(known)]

    def others(self, language: str) -> list[str]:
        """Return the known languages that `language` can be composed of."""
        return [code for code in self.known if code != language]

    def compose(self, wanted: str | Composition, pair: Pair, split: str) -> Composition:
        """Return the composition for a pair; `InputError` for one of languages that are not known."""
        if isinstance(wanted, Composition):
            if strange := [code for code in wanted.weights if code not in self.known]:
                raise InputError(f"the run was never trained on {strange[0]}: its embedding is as random as ever.")
            return wanted
        others = self.others(pair.language)
        if not others:
            raise InputError(
                f"the run was trained on no language but {pair.language}: there is nothing to compose."
            )
        if wanted == "nearest":
            return Composition(wanted, {self.nearest(pair, split): 1.0})
        relatives = self.relatives(pair.language) if wanted == "family" else []
        note = "no relative is known, so the mean" if wanted == "family" and not relatives else ""
        return Composition(wanted, _shares(dict.fromkeys(relatives or others, 1.0)), note)

    def relatives(self, language: str) -> list[str]:
        """Return the known ones of the relatives that a user's data name.

        Without any they are the known languages that share most of the line of descent, none where nothing is
        shared.
        """
        if said := [code for code in self.languages[language].relatives if code in self.others(language)]:
            return said
        line = _descent(self.languages[language])
        shared = {}
        for code in self.others(language):
            both = zip(line, _descent(self.languages[code]), strict=False)
            shared[code] = len([*takewhile(lambda names: names[0] == names[1], both)])
        most = max(shared.values(), default=0)
        return [code for code, count in shared.items() if most and count == most]

    def nearest(self, pair: Pair, split: str) -> str:
        """Return the known language whose text diverges least from the sentences of a split."""
        ours = self._distribution(pair, split)
        theirs = {code: self._texts[code] for code in self.others(pair.language)}
        return min(theirs, key=lambda code: divergence(ours, theirs[code]))

    @cached_property
    def _texts(self) -> dict[str, np.ndarray]:
        """The tokens of each known language: of its raw text, else of its labelled sentences."""
        corpora = self.data.corpora
        labelled = tagging_tasks(self.data.spec.data.described)
        found = {}
        for code in self.known:
            pairs = [Pair(task, code) for task in (MLM, *reversed(labelled))]
            pair, split = next((p, s) for p in pairs if (s := training_split(corpora, p)))
            found[code] = self._distribution(pair, split)
        return found

    def _distribution(self, pair: Pair, split: str) -> np.ndarray:
        return token_distribution(self.data.encoded(pair, split)[1], self.data.vocabulary)


def token_distribution(encoded: Any, vocabulary: Vocabulary) -> np.ndarray:
    """Return the share of each token in a tokenised data set, [vocabulary]; special ones are not counted.

    Unknown tokens are special too: what a script makes of them says nothing about the language.
    """
    counts = np.zeros(vocabulary.size)
    for chunk in encoded.data.table.column("input_ids").chunks:
        counts += np.bincount(chunk.flatten().to_numpy(), minlength=vocabulary.size)
    counts[list(vocabulary.special)] = 0
    return counts / max(counts.sum(), 1)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Return the Jensen–Shannon divergence of two distributions [vocabulary] in bits, 0 to 1."""
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    there = p > 0
    return float(np.sum(p[there] * np.log2(p[there] / q[there])))


def _descent(language: Language) -> list[str]:
    return [name for name in language.family.removeprefix("like ").split(", ") if name]


def held_out_rows(
    method: Method, data: RunData, step: int, share: tuple[int, int] = (0, 1)
) -> Iterator[dict[str, Any]]:
    """Yield the scores of a trained run's held-out languages in every mode of composing their embeddings.

    None for a run that holds nothing out and for a method that cannot. `share` = (rank, world) scores a process's
    part of them. `composed_of` of a row says what the embedding was made of.
    """
    out = set(data.spec.data.held_out)
    held = [code for code, language in data.corpora.languages.items() if out & {code, language.paper_code}]
    if not can_compose(type(method)):
        return
    plan = data.plan
    composer = Composer(data, {pair.language for pair in plan.train} | set(plan.mlm))
    jobs = [(pair, mode) for pair in plan.test if pair.language in held for mode in MODES]
    for pair, mode in jobs[share[0] :: share[1]]:
        composition = composer.compose(mode, pair, "test")
        with method.composed(pair.language, composition.weights):  # type: ignore[operator]
            scored = data.score(method, pair, "test")
        yield {
            **scored.rows(SPLIT)[0], "step": step, "role": "target", "embedding": mode,
            "composed_of": dict(composition.weights),
        }  # fmt: skip

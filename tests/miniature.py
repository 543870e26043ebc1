"""A world in miniature: made-up corpora for a few of the languages, and specs of runs that take seconds.

What there is was chosen for the rules it exercises: treebanks with all splits (en, ar), without development part
(kk), with a test part alone (br, fo); names in four languages; a language with a treebank only (kk, ug).
"""

import random
from pathlib import Path

from hxbench.closed import validated
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.spec.languages import language_set
from hxbench.spec.run_spec import RunSpec

POS = {
    "en": (90, 24, 24), "ar": (60, 20, 20), "kk": (31, 0, 24), "br": (0, 0, 40), "fo": (0, 0, 40),
    "ug": (40, 16, 16),
}  # fmt: skip
NER = {"en": (90, 24, 24), "ar": (60, 20, 20), "br": (40, 16, 16), "fo": (30, 12, 12)}
TEXTS = ("en", "ar", "br", "fo")
SPLITS = ("train", "dev", "test")
_ENDINGS = {"NOUN": "o", "VERB": "as", "ADJ": "ik", "ADP": "e"}

TINY = BackboneSpec(
    name="tiny",
    pretrain=PretrainSpec(
        vocabulary=300, layers=2, hidden=32, heads=2, intermediate=64, steps=20, batch_size=16, max_length=32,
        cpu_threads=1,
    ),
)  # fmt: skip
SMALL: dict[str, dict[str, object]] = {  # options, by kind
    "hyperx": {"embedding": 8, "source_hidden": 16, "projected": 8, "bottleneck": 8},
    "psf": {"latent": 6, "rank": 3, "generator_hidden": 12, "generator_layers": 3, "initial_std": 0.2},
    "madx": {
        "language_bottleneck": 6,
        "task_bottleneck": 4,
        "language": {"updates": 12, "batch_size": 8, "lr": 1e-3, "warmup": 2},
    },
}


class _Speaker:
    """Makes sentences of one language; a word's ending tells its class, a capital a name."""

    def __init__(self, code: str, split: str) -> None:
        words = random.Random(f"words {code}")
        stem = lambda: "".join(words.choice("bdfgklmnprst") + words.choice("aeiou") for _ in range(2))  # noqa: E731
        self.stems = {tag: [stem() for _ in range(12)] for tag in _ENDINGS}
        self.names = {kind: [stem().capitalize() for _ in range(6)] for kind in ("PER", "ORG", "LOC")}
        self.draw = random.Random(f"{code} {split}")

    def sentence(self) -> list[tuple[str, str, str]]:
        """Return words with their part of speech and their name tag."""
        out = []
        for _ in range(self.draw.randint(2, 6)):
            tag = self.draw.choice(list(_ENDINGS))
            out.append((self.draw.choice(self.stems[tag]) + _ENDINGS[tag], tag, "O"))
            if self.draw.random() < 0.25:
                kind = self.draw.choice(list(self.names))
                for place in range(self.draw.randint(1, 2)):
                    out.append((self.draw.choice(self.names[kind]), "PROPN", f"{'BI'[place > 0]}-{kind}"))
        return [*out, (".", "PUNCT", "O")]


def write_mirror(root: Path) -> None:
    """Write the corpora in release layout; the same bytes every time."""
    languages = language_set("hyperx")
    for code, sizes in POS.items():
        folder = root / "ud-2.7" / languages[code].treebank
        folder.mkdir(parents=True)
        for split, size in zip(SPLITS, sizes, strict=True):
            speaker = _Speaker(code, f"pos {split}")
            if size:
                blocks = [_conllu(speaker.sentence()) for _ in range(size)]
                (folder / f"{languages[code].treebank_stem}-ud-{split}.conllu").write_text("".join(blocks))
    for code, sizes in NER.items():
        folder = root / "wikiann" / code
        folder.mkdir(parents=True)
        for split, size in zip(SPLITS, sizes, strict=True):
            speaker = _Speaker(code, f"ner {split}")
            blocks = ["".join(f"{code}:{w}\t{n}\n" for w, _, n in speaker.sentence()) for _ in range(size)]
            (folder / split).write_text("\n".join(blocks) + "\n")
    (root / "text").mkdir()
    for code in TEXTS:
        speaker = _Speaker(code, "text")
        lines = [" ".join(word for word, _, _ in speaker.sentence()) for _ in range(150)]
        (root / "text" / f"{code}.txt").write_text("\n".join(lines) + "\n")


def made_sentences(code: str, split: str, size: int) -> list[list[tuple[str, str, str]]]:
    """Return sentences of a language as words with their part of speech and their name tag."""
    speaker = _Speaker(code, split)
    return [speaker.sentence() for _ in range(size)]


def treebank_text(sentences: list[list[tuple[str, str, str]]]) -> str:
    """Return sentences as CoNLL-U."""
    return "".join(_conllu(sentence) for sentence in sentences)


def _conllu(sentence: list[tuple[str, str, str]]) -> str:
    rows = [f"{i}\t{word}\t_\t{tag}" + "\t_" * 6 for i, (word, tag, _) in enumerate(sentence, 1)]
    return "\n".join(rows) + "\n\n"


def spec_for(
    method: str = "hyperx-base", backbone: BackboneSpec = TINY, *, setting: str = "mixed", **others: object
) -> RunSpec:
    """Return a spec that trains in seconds; `training`, `options` and `data` change single fields of it."""
    changes = {name: others.pop(name, {}) for name in ("training", "options", "data")}
    if setting == "mixed":
        others.setdefault("partition", "a")
    spec = recipe.resolve(method, setting=setting, **others)
    small = SMALL.get(spec.kind, {})
    training = {
        "updates": 24, "batch_size": 8, "lr": 1e-3, "warmup": 4, "evaluate_every": 8, "eval_batch_size": 16,
        "cpu_threads": 1,
    }  # fmt: skip
    fields = {
        **spec.model_dump(),
        "options": recipe.merge(spec.options, small, changes["options"]),
        "training": spec.training.model_dump() | training | {"epochs": None} | changes["training"],
        "data": spec.data.model_dump() | {"origin": "mirror", "max_length": 32} | changes["data"],
        "backbone": backbone.model_dump(),
    }
    return validated(RunSpec, fields, "test")


def resolved(spec: RunSpec, corpora: object) -> tuple:
    """Return the spec with its fingerprints and its plan."""
    from hxbench.runs.assemble import with_options
    from hxbench.runs.inputs import resolve_inputs

    return resolve_inputs(with_options(spec), corpora)

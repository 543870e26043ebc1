"""Files in the layouts of the releases: CoNLL-U, WikiANN and one sentence a line.

Splits have the proportions of Hyper-X, Table 4, scaled to minutes.
"""

from collections.abc import Iterator
from pathlib import Path

from hxbench.sandbox import write_lines
from hxbench.sandbox.multilingual.grammar import Grammar, Phrase
from hxbench.sandbox.multilingual.lexicon import Lexicon
from hxbench.sandbox.multilingual.sentences import Speaker
from hxbench.sandbox.randomness import Draws
from hxbench.spec.languages import language_set

SPLITS = ("train", "dev", "test")

# Real code of the imitated language → (train, dev, test) of its treebank; 0: the split does not exist.
POS_SIZES = {
    "en": (2000, 300, 300), "ar": (1000, 200, 200), "br": (0, 0, 240), "zh": (700, 150, 150), "is": (0, 0, 260),
    "kk": (31, 0, 260), "ta": (150, 80, 100), "tr": (650, 200, 200), "yo": (0, 0, 160), "fo": (0, 0, 300),
    "gn": (0, 0, 98), "hsb": (23, 0, 240), "mt": (280, 150, 200), "sa": (0, 0, 140), "ug": (400, 200, 200),
    "yue": (0, 0, 260),
}  # fmt: skip

_RICH, _FAIR, _SMALL, _POOR = (2000, 300, 300), (1500, 200, 200), (400, 200, 200), (100, 100, 100)
NER_SIZES = {
    "en": _RICH, "ar": _RICH, "br": _SMALL, "zh": _RICH, "is": _SMALL, "kk": _SMALL, "ta": _FAIR, "tr": _RICH,
    "yo": _POOR, "fo": _POOR, "gn": _POOR, "hsb": _POOR, "mt": _POOR, "sa": _POOR, "ug": _POOR, "yue": _RICH,
}  # fmt: skip

TEXT_SIZE = 5000

_FRAGMENTS = 0.15  # share of the raw text


def surface(sentence: Phrase, grammar: Grammar) -> Iterator[tuple[str, Phrase]]:
    """Yield the sentence's written words, each with the syntactic words it holds."""
    held: Phrase = []
    for position, word in enumerate(sentence):
        held.append(word)
        if word.joined and position + 1 < len(sentence) and sentence[position + 1].sounds.isalpha():
            continue
        yield "".join(grammar.spell(part) for part in held), held
        held = []


def conllu(sentence: Phrase, grammar: Grammar, name: str, empty_node: bool) -> str:
    """Return one sentence in CoNLL-U: ten columns, a range line for each word that holds several."""
    space = " " if grammar.profile.spaces else ""
    rows: list[str] = []
    number = 1
    after = "_" if grammar.profile.spaces else "SpaceAfter=No"
    written = list(surface(sentence, grammar))
    for form, parts in written:
        if len(parts) > 1:
            rows.append(f"{number}-{number + len(parts) - 1}\t{form}" + "\t_" * 7 + f"\t{after}")
        for part in parts:
            spelled = grammar.spell(part)
            note = after if len(parts) == 1 else "_"
            rows.append(f"{number}\t{spelled}\t{spelled}\t{part.upos}" + "\t_" * 5 + f"\t{note}")
            number += 1
    if empty_node:
        rows.append(f"{number - 1}.1" + "\t_" * 9)
    text = space.join(form for form, _ in written)
    return f"# sent_id = {name}\n# text = {text}\n" + "\n".join(rows) + "\n"


def write_treebank(folder: Path, stem: str, split: str, speaker: Speaker, count: int) -> None:
    blocks = []
    for index in range(count):
        empty = speaker.grammar.profile.empty_nodes and speaker.draws.chance(0.05)
        blocks.append(conllu(speaker.sentence(), speaker.grammar, f"{stem}-{split}-{index + 1}", empty))
    write_lines(folder / f"{stem}-ud-{split}.conllu", blocks)


def write_names(folder: Path, code: str, split: str, speaker: Speaker, count: int) -> None:
    """Write one split of a name corpus: `code:token<TAB>TAG`, a blank line after each item."""
    lines: list[str] = []
    for _ in range(count):
        for form, parts in surface(speaker.named(), speaker.grammar):
            tag = next((part.tag for part in parts if part.tag != "O"), "O")
            lines.append(f"{code}:{form}\t{tag}")
        lines.append("")
    write_lines(folder / split, lines)


def write_text(folder: Path, code: str, speaker: Speaker, count: int) -> None:
    """Write raw text, one sentence a line; some lines are title fragments."""
    space = " " if speaker.grammar.profile.spaces else ""
    lines = []
    for _ in range(count):
        sentence = speaker.fragment() if speaker.draws.chance(_FRAGMENTS) else speaker.sentence()
        lines.append(space.join(form for form, _ in surface(sentence, speaker.grammar)))
    write_lines(folder / f"{code}.txt", lines)


def write_multilingual(folder: Path, seed: int) -> None:
    """Write `ud-2.7/<treebank>/<stem>-ud-<split>.conllu`, `wikiann/<code>/<split>` and `text/<code>.txt`."""
    lexicon = Lexicon(seed)
    for code, language in language_set("sandbox").items():
        sizes = zip(SPLITS, POS_SIZES[language.paper_code], NER_SIZES[language.paper_code], strict=True)
        for split, pos, ner in sizes:
            unseen_names = split != "train"
            if pos:
                speaker = Speaker(code, lexicon, Draws(seed, "pos", code, split), unseen_names)
                write_treebank(folder / "ud-2.7" / language.treebank, language.treebank_stem, split, speaker, pos)
            speaker = Speaker(code, lexicon, Draws(seed, "ner", code, split), unseen_names)
            write_names(folder / "wikiann" / language.wikiann, code, split, speaker, ner)
        write_text(folder / "text", code, Speaker(code, lexicon, Draws(seed, "text", code)), TEXT_SIZE)

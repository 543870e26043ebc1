"""Files in the layouts of the releases: CoNLL-U, WikiANN and one sentence a line."""

from collections.abc import Iterator
from pathlib import Path

from hxbench.sandbox.grammar import Grammar, Phrase
from hxbench.sandbox.sentences import Speaker

_FRAGMENTS = 0.15  # share of the running text


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
    return f"# sent_id = {name}\n# text = {text}\n" + "\n".join(rows) + "\n\n"


def write_treebank(folder: Path, stem: str, split: str, speaker: Speaker, count: int) -> None:
    """Write one split of a treebank."""
    blocks = []
    for index in range(count):
        empty = speaker.grammar.profile.empty_nodes and speaker.draws.chance(0.05)
        blocks.append(conllu(speaker.sentence(), speaker.grammar, f"{stem}-{split}-{index + 1}", empty))
    _write(folder / f"{stem}-ud-{split}.conllu", "".join(blocks))


def write_names(folder: Path, code: str, split: str, speaker: Speaker, count: int) -> None:
    """Write one split of a name corpus: `code:token<TAB>TAG`, a blank line after each item."""
    lines: list[str] = []
    for _ in range(count):
        for form, parts in surface(speaker.named(), speaker.grammar):
            tag = next((part.tag for part in parts if part.tag != "O"), "O")
            lines.append(f"{code}:{form}\t{tag}\n")
        lines.append("\n")
    _write(folder / split, "".join(lines))


def write_text(folder: Path, code: str, speaker: Speaker, count: int) -> None:
    """Write running text, one sentence a line; some lines are title fragments."""
    space = " " if speaker.grammar.profile.spaces else ""
    lines = []
    for _ in range(count):
        sentence = speaker.fragment() if speaker.draws.chance(_FRAGMENTS) else speaker.sentence()
        lines.append(space.join(form for form, _ in surface(sentence, speaker.grammar)) + "\n")
    _write(folder / f"{code}.txt", "".join(lines))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")

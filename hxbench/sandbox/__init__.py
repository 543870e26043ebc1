"""Sixteen synthetic languages, made on the spot in the layouts of real releases."""

from pathlib import Path

from hxbench.languages import language_set

VERSION = 2  # goes up whenever the files change


def write_sandbox(root: Path, seed: int = 0) -> None:
    """Write treebanks, name corpora and running text of all sandbox languages under `root`, in seconds.

    `ud-2.7/<treebank>/<stem>-ud-<split>.conllu`, `wikiann/<code>/<split>` and `text/<code>.txt`.
    The same seed gives the same bytes on every machine; another seed gives other words with the same grammars and
    sizes. They imitate how the sixteen real languages relate and are evidence about none of them.
    """
    from hxbench.sandbox.lexicon import Lexicon
    from hxbench.sandbox.randomness import Draws
    from hxbench.sandbox.sentences import Speaker
    from hxbench.sandbox.sizes import NER_SIZES, POS_SIZES, SPLITS, TEXT_SIZE
    from hxbench.sandbox.writer import write_names, write_text, write_treebank

    lexicon = Lexicon(seed)
    for code, language in language_set("sandbox").items():
        for split, pos, ner in zip(
            SPLITS, POS_SIZES[language.paper_code], NER_SIZES[language.paper_code], strict=True
        ):
            unseen_names = split != "train"
            if pos:
                speaker = Speaker(code, lexicon, Draws(seed, "pos", code, split), unseen_names)
                write_treebank(root / "ud-2.7" / language.treebank, language.treebank_stem, split, speaker, pos)
            speaker = Speaker(code, lexicon, Draws(seed, "ner", code, split), unseen_names)
            write_names(root / "wikiann" / language.wikiann, code, split, speaker, ner)
        write_text(root / "text", code, Speaker(code, lexicon, Draws(seed, "text", code)), TEXT_SIZE)

"""Readers of CoNLL-U and WikiANN written from their descriptions, apart from the suite: slow and short."""

_UPOS = frozenset("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split())
_NER = frozenset("O B-PER I-PER B-ORG I-ORG B-LOC I-LOC".split())


def slow_conllu(text: str) -> list[list[list[str]]] | None:
    """Return the sentences of CoNLL-U as [words, tags], None for a text that is none."""
    found: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*text.removeprefix("\ufeff").split("\n"), ""]:
        line = line.removesuffix("\r")
        if line.strip():
            if not line.startswith("#"):
                rows.append(line.split("\t"))
            continue
        words = [row for row in rows if len(row) == 10 and row[0].isascii() and row[0].isdigit()]
        others = [row for row in rows if row not in words]
        if any(len(row) != 10 or not set(row[0]) <= set("0123456789.-") for row in rows):
            return None
        if [row[0] for row in words] != [str(n + 1) for n in range(len(words))]:
            return None
        if any(not row[1].strip() or row[3] not in _UPOS for row in words):
            return None
        if any("-" in row[0] and int(row[0].split("-")[1]) > len(words) for row in others):
            return None
        if words:
            found.append([[row[1] for row in words], [row[3] for row in words]])
        rows = []
    return found or None


def slow_wikiann(text: str) -> list[list[list[str]]] | None:
    """Return the sentences of WikiANN as [words, tags], None for a text that is none."""
    found: list[list[list[str]]] = []
    words: list[str] = []
    tags: list[str] = []
    prefix = ""
    for line in [*text.removeprefix("\ufeff").split("\n"), ""]:
        line = line.removesuffix("\r")
        if not line.strip():
            if words:
                found.append([words, tags])
            words, tags = [], []
            continue
        token, tab, tag = line.partition("\t")
        prefix = prefix or token.partition(":")[0] + ":"
        if not tab or tag not in _NER or not token.startswith(prefix):
            return None
        words.append(token.removeprefix(prefix))
        tags.append(tag)
    return found or None

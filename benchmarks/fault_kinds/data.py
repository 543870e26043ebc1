"""Corpora with flipped bytes, odd columns and line ends: refused by name, or read as another run."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

from fault_kinds.command import Fault, forked
from fault_kinds.slow_readers import slow_conllu, slow_wikiann
from fault_kinds.verdict import EQUAL, HEALED, REFUSED, Bad, Verdict, require_clean, require_kept
from fault_kinds.world import World, answer_of, facts_of, training

_FILES = {
    "tag": "mirror/ud-2.7/*/*.conllu", "names": "mirror/wikiann/*/*", "text": "text/mirror/glue/RTE/*",
    "cb": "text/mirror/superglue/CB/*", "made": "mirror/text/*",
}  # fmt: skip
_MARKS = ["</s>", "<pad>", "[SEP]", "[CLS]", "<extra_id_0>", "[MASK]", "<unk>"]


def data(world: World, draw: random.Random) -> Verdict:
    """A corpus is changed; training refuses and names it, or trains another run on what a slow reader reads."""
    name = draw.choice(["tag", "tag", "tag", "names", "names", "text", "text", "cb", "made"])
    place = world.tree(draw.choice(["warm", "cold"]))
    path = draw.choice(sorted(place.glob(_FILES[name])))
    way = _changed(path, draw)
    title = f"{path.relative_to(place)}: {way}"
    ended = forked(training(name, "--store", "fresh"), place)
    try:
        done = require_clean(ended, quiet=False)
        if name == "tag" and path.is_file():
            _require_one_reader(world, place, path, ended.err, done)
        if not done:
            if not any(name.lower() in ended.err.lower() for name in (path.name, path.parent.name)):
                raise Bad("UNEXPECTED", f"the refusal names no file: {ended.err[-300:]}")
            return Verdict(REFUSED, title)
        found = facts_of(place / "fresh")
        if found == {world.ids[name]: world.facts[world.ids[name]]}:
            return Verdict(EQUAL, title)
        if world.ids[name] in found:
            require_kept({world.ids[name]: world.facts[world.ids[name]]}, found)
        if way == "gone" and "left out" not in ended.err:
            raise Bad("SILENT", "another run, and nothing is said of the missing file")
        if name in ("tag", "names") and path.is_file():
            _require_rows(place, path, name)
    except Bad as bad:
        raise bad.told(f"{title}") from None
    return Verdict(HEALED, f"{title}: another run")


def _changed(path: Path, draw: random.Random) -> str:
    """Change a corpus file; return how."""
    content = path.read_bytes()
    lines = content.split(b"\n")
    at = draw.randrange(len(content))
    row = draw.randrange(max(1, len(lines) - 1))
    line = lines[row]
    cells = line.split(b"\t")
    cell = draw.randrange(len(cells))
    put = lambda new: b"\n".join([*lines[:row], new, *lines[row + 1 :]])  # noqa: E731
    cell_put = lambda new: put(b"\t".join([*cells[:cell], new, *cells[cell + 1 :]]))  # noqa: E731
    ways: dict[str, Callable[[], bytes]] = {
        "a bit": lambda: content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :],
        "cut": lambda: content[:at],
        "empty": lambda: b"",
        "old Mac line ends": lambda: content.replace(b"\n", b"\r"),
        "DOS line ends": lambda: content.replace(b"\n", b"\r\n"),
        "a CR": lambda: content[:at] + b"\r" + content[at:],
        "NUL": lambda: content[:at] + b"\0" + content[at:],
        "a tab more": lambda: content[:at] + b"\t" + content[at:],
        "a column less": lambda: put(b"\t".join(cells[:-1])),
        "a column more": lambda: put(line + b"\tx"),
        "a blank cell": lambda: cell_put(b" "),
        "an empty cell": lambda: cell_put(b""),
        "an underscore": lambda: cell_put(b"_"),
        "a mark": lambda: cell_put(draw.choice(_MARKS).encode()),
        "a no-break space": lambda: cell_put("\N{NO-BREAK SPACE}".encode()),
        "a zero-width space": lambda: cell_put("\N{ZERO WIDTH SPACE}".encode()),
        "private use": lambda: cell_put("\ue000".encode()),
        "a line separator": lambda: content[:at] + "\u2028".encode() + content[at:],
        "a line twice": lambda: put(line + b"\n" + line),
        "a line less": lambda: b"\n".join(lines[:row] + lines[row + 1 :]),
        "lines in another order": lambda: b"\n".join(draw.sample(lines, len(lines))),
        "a long word": lambda: cell_put(b"x" * 100_000),
        "a line without an end": lambda: put(b"x" * 5_000_000),
        "a byte-order mark": lambda: b"\xef\xbb\xbf" + content,
        "Latin-1": lambda: content[:at] + b"\xe4" + content[at:],
        "UTF-16": lambda: content.decode().encode("utf-16"),
        "compressed": lambda: __import__("gzip").compress(content),
        "a range past the end": lambda: put(b"7-9\tab" + b"\t_" * 8 + b"\n" + line),
        "an empty node": lambda: put(line + b"\n%s.1\t \t_\t_" % cells[0] + b"\t_" * 6),
        "a huge number": lambda: cell_put(b"9" * 5000),
        "zeros": lambda: content[:at] + bytes(len(content[at : at + 300])) + content[at + 300 :],
        "twice": lambda: content + content,
    }
    way = draw.choice([*ways, "a bit", "a bit", "gone", "fifo", "folder", "loop"])
    path.unlink()
    if way == "fifo":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way == "loop":
        path.symlink_to(path.name)
    elif way in ways:
        path.write_bytes(ways[way]())
    return way


def _require_rows(place: Path, path: Path, name: str) -> None:
    """Raise unless the suite reads from a file what the slow reader does."""
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise Bad("SILENT", "text that is no UTF-8 was read") from None
    wanted = (slow_conllu if name == "tag" else slow_wikiann)(text)
    if wanted is None:
        raise Bad("SILENT", "read, although a slow reader finds it broken")
    answer = forked(["--version"], place, fault=_probe(path.relative_to(place), name))
    if answer.code or json.loads(answer.out) != wanted:
        raise Bad("SILENT", f"other rows than a slow reader's: {answer.err[-200:]}")


def _probe(path: Path, name: str) -> Fault:
    """Return what makes a child print the rows that the suite reads from a file, instead of its command."""

    def print_rows() -> None:
        from hxbench.data.readers.conllu import read_conllu
        from hxbench.data.readers.wikiann import read_wikiann

        rows = read_conllu(path) if name == "tag" else read_wikiann(path)
        print(json.dumps([[row["words"], row["tags"]] for _, row in rows]))
        raise SystemExit(0)

    return print_rows


def _require_one_reader(world: World, place: Path, path: Path, said: str, trains: bool) -> None:
    """Raise where training and `predict` do not take the same CoNLL-U."""
    if "UPOS" in said:  # which predict is there to write
        return
    if not path.stem.startswith("en_") and not path.stem.endswith("-test"):  # no part that training reads
        return
    run_id = world.ids["tag"]
    if not (place / "store/runs" / run_id).exists():
        return
    argv = ["predict", run_id, str(path.relative_to(place)), "--input", "conllu", "--language", "br"]
    answer = forked(argv, place)
    tags = require_clean(answer, quiet=False)
    if tags != trains:
        reader, other = ("predict", "training") if tags else ("training", "predict")
        raise Bad(
            "SILENT", f"{reader} takes what {other} refuses: {(said if tags else answer.err)[-200:]}", answer
        )


def tagged(world: World, draw: random.Random) -> Verdict:
    """A text to be tagged is changed; `predict` refuses it by its name, or gives every word one tag."""
    place = world.tree("warm")
    path = place / draw.choice(["in.txt", "in.conllu"])
    argv = ["predict", draw.choice(["export", world.ids["tag"]]), path.name]
    argv += [] if argv[1] == "export" else ["--language", "br"]
    if draw.random() < 0.05:
        answer_of(world, argv, "warm")
        place = world.tree("warm")
    way = _changed(path, draw)
    ended = forked(argv, place)
    try:
        if not require_clean(ended):
            return Verdict(REFUSED, f"{path.name}: {way}")
    except Bad as bad:
        raise bad.told(f"{path.name}: {way}") from None
    return Verdict(EQUAL, f"{path.name}: {way}")


KINDS: dict[str, tuple[int, Callable[[World, random.Random], Verdict]]] = {
    "data": (250, data),
    "tagged": (60, tagged),
}

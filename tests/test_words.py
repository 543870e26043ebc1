"""The words that users read are the field's: a list of words of our own stays at zero in all user text.

`python tests/test_words.py [ROOT [PREFIX ...]]` prints each place as `file:line: word: sentence`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]

# a word of our own, the field's word, and where the word is meant (in lower case, code and options taken out)
WORDS = {
    "pieces": ("tokens", r"\bpieces?\b"),
    "body": ("backbone, encoder or model", r"(?<!request )(?<!response )\bbod(?:y|ies)\b"),
    "places": (
        "positions, sites or placement",
        r"\bplaces\b"
        # not the idioms: in place of, in one place, take place, in the first place
        r"|(?<!in )(?<!in the )(?<!in its )(?<!in their )(?<!in one )(?<!in this )(?<!in that )(?<!in a )"
        r"(?<!take )(?<!takes )(?<!took )(?<!taken )(?<!taking )(?<!second )(?<!first )(?<!decimal )"
        r"\bplace\b(?!=)",
    ),
    "running text": ("raw text", r"\brunning text"),
    "given again": ("what is meant", r"\bgiven again\b|\bgive (?:\S+ ){0,4}again\b"),
    "front": ("Pareto front", r"(?<!pareto )(?<!in )\bfronts?\b(?! pages?\b)(?! doors?\b)(?! ends?\b)"),
    "ways": (
        "methods, modes or forms",
        # not the idioms: in this way, the other way round, on the way, a way out
        r"(?<!both )\bways\b|\bway of \w+ing\b|\beach way\b|\ba way stands\b|\bby way\b",
    ),
    "marks": (
        "special tokens, labels or flags",
        # not the verb (a star marks a cell), and not what stands on paper
        r"(?<!quotation )(?<!punctuation )(?<!question )(?<!check )(?<!accent )\bmarks\b"
        r"(?! (?:a|an|the|what|where|those|cells|each|every|rows|runs|it|them|one|which)\b)"
        r"|\b(?:end|start|begin|the|a|language|task|separator|padding|mask)[ -]mark\b",
    ),
    "lanes": ("workers", r"\blanes?\b"),
    "turn": (
        "job",
        r"(?<!in )\b(?:a|the|its|each|one|every|this|whose|next|own|their|no) turns?\b(?! (?:on|off)\b)",
    ),
    "switched": ("switched sources", r"\bswitched\b(?! (?:sources?|off|on|from|to|between)\b)"),
}
# (end of the file's path, part of the sentence): each with its reason
ALLOWED = (
    ("cli/train.py", "b-switched"),  # names of partitions, which specifications store
    ("backbones/proposal.py", "body: …"),  # a field of a family's entry
    ("english/requests.py", "{place}"),  # a generated data set, whose fingerprint holds
)

# what the site shows beside `--help`: docstrings of the programming interface, docstrings and comments of schemas
SHOWN_MODULES = ("hxbench/api.py",)
SHOWN_CLASSES = {"Store"}
SHOWN_SCHEMAS = ("hxbench/spec/recipe/schema.py", "hxbench/spec/run_spec.py", "hxbench/tasks/description.py")

Text = tuple[int, str]  # the line on which it begins, and what is read


def reads_like_text(value: object) -> bool:
    """Say whether a constant is a sentence or a part of one, and no key, path, pattern or name."""
    return (
        isinstance(value, str)
        and bool(re.search(r"[A-Za-z]{2,}[,;:.)…]* +[(“\"]?[A-Za-z…]|^[A-Z][a-z]+$", value))
        and "(?:" not in value
    )


def commands(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions that typer makes commands of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            signature = ast.dump(node.args)
            if "attr='Option'" in signature or "attr='Argument'" in signature or node.name.endswith("_command"):
                yield node


def strings_of_python(source: str, every_docstring: bool = False) -> Iterator[Text]:
    """Yield what a module can print: strings of several words, help and titles, and docstrings of commands."""
    tree = ast.parse(source)
    for node in commands(tree):
        if said := ast.get_docstring(node):
            yield node.lineno + 1, said
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            shown = every_docstring or (isinstance(node, ast.ClassDef) and node.name in SHOWN_CLASSES)
            if shown and (said := ast.get_docstring(node)):
                yield node.lineno + 1, said
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped.update(map(id, ast.walk(node)))
            inner = {id(one) for part in node.values if isinstance(part, ast.FormattedValue)
                     for one in ast.walk(part.value)}  # fmt: skip
            skipped -= inner  # a string inside of {…} is read by itself
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)
            if reads_like_text(text):
                yield node.lineno, text
        elif isinstance(node, ast.keyword) and node.arg in ("help", "title", "label", "about"):
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                skipped.add(id(node.value))
                yield node.value.lineno, node.value.value
        elif isinstance(node, ast.Constant) and id(node) not in skipped and reads_like_text(node.value):
            yield node.lineno, node.value


def strings_of_schema(source: str) -> Iterator[Text]:
    """Yield what the reference says of a schema, too: docstrings, and the comments of fields."""
    yield from strings_of_python(source, True)
    above: list[Text] = []
    for number, line in enumerate(source.splitlines(), 1):
        said = re.search(r"(?:^|\s)# (.*)", line)
        if re.match(r"    \w+: ", line):
            yield from above
            yield from [(number, said[1])] if said else []
        above = [*above, (number, said[1])] if said and line.lstrip().startswith("#") else []


def strings_of_yaml(source: str) -> Iterator[Text]:
    """Yield the values of several words (titles, abouts, notes), and no key and no comment."""
    nodes = [yaml.compose(source)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, yaml.MappingNode):
            nodes += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.ScalarNode) and " " in node.value:
            yield node.start_mark.line + 1, node.value


def blanked(pattern: str, text: str) -> str:
    """Return the text without what matches; lines keep their numbers."""
    return re.sub(pattern, lambda found: re.sub(r"[^\n]+", " … ", found[0]), text, flags=re.DOTALL | re.MULTILINE)


def strings_of_markdown(source: str) -> Iterator[Text]:
    """Yield the paragraphs, and the comments of shown commands."""
    numbered: list[tuple[int, str]] = []
    inside = False
    for number, line in enumerate(source.splitlines(), 1):
        if line.lstrip().startswith("```"):
            inside = not inside
            numbered.append((number, ""))
        elif inside:
            numbered += [(number, ""), (number, line.partition(" # ")[2]), (number, "")]  # a paragraph by itself
        else:
            numbered.append((number, line))
    begun, paragraph = 0, []
    for number, line in [*numbered, (0, "")]:
        if line.strip():
            begun = begun or number
            paragraph.append(line)
        elif paragraph:
            yield begun, "\n".join(paragraph)
            begun, paragraph = 0, []


def strings_of_javascript(source: str) -> Iterator[Text]:
    source = blanked(r"/\*.*?\*/|^\s*//[^\n]*", source)
    for found in re.finditer(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`', source):
        if reads_like_text(text := re.sub(r"\$\{[^}]*\}", "…", found[0])):
            yield source[: found.start()].count("\n") + 1, text


def strings_of_html(source: str) -> Iterator[Text]:
    shown = blanked(r"\{[#%{].*?[#%}]\}|<style.*?</style>|<script.*?</script>|<[^>]*>", source)
    yield from ((number, line) for number, line in enumerate(shown.splitlines(), 1) if line.strip())


def user_texts(root: Path, prefixes: tuple[str, ...] = ()) -> Iterator[tuple[str, int, str]]:
    """Yield each text that a user can read: the file, the line on which it begins, the text."""
    patterns = (
        "hxbench/**/*.py", "hxbench/**/*.yaml", "hxbench/**/*.js", "hxbench/**/*.html", "recipes/**/*.yaml",
        "*.md", ".github/**/*.md", ".github/**/*.yml", "docs/**/*.md", "results/*/README.md", "benchmarks/**/*.md",
    )  # fmt: skip
    readers = {".py": strings_of_python, ".yaml": strings_of_yaml, ".yml": strings_of_yaml,
               ".md": strings_of_markdown, ".js": strings_of_javascript, ".html": strings_of_html}  # fmt: skip
    for path in sorted({one for pattern in patterns for one in root.glob(pattern)}):
        name = path.relative_to(root).as_posix()
        if not prefixes or name.startswith(prefixes):
            source = path.read_text(encoding="utf-8")
            if name in SHOWN_MODULES:
                shown = strings_of_python(source, every_docstring=True)
            else:
                shown = (strings_of_schema if name in SHOWN_SCHEMAS else readers[path.suffix])(source)
            yield from ((name, line, text) for line, text in shown)


def found_in(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield each word of the list in a text: the word, the lines before it, the sentence around it."""
    plain = blanked(r"`[^`\n]*`|(?<![\w-])--?[a-z][\w-]*|\]\([^)\n]*\)|https?://\S+", text).lower()
    for word, (_, pattern) in WORDS.items():
        for found in re.finditer(pattern.replace(" ", r"\s"), plain):
            begun = max((one.end() for one in re.finditer(r"[.!?:]\s|\n\n", plain[: found.start()])), default=0)
            ended = re.search(r"[.!?](?:\s|$)|\n\n", plain[found.end() :])
            sentence = plain[begun : found.end() + (ended.start() + 1 if ended else 300)]
            yield word, plain[: found.start()].count("\n"), " ".join(sentence.split())


def offences(root: Path, prefixes: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{name}:{line + further}: {word} (→ {WORDS[word][0]}): {sentence}"
        for name, line, text in user_texts(root, prefixes)
        for word, further, sentence in found_in(text)
        if not any(name.endswith(end) and part in sentence for end, part in ALLOWED)
    ]


def test_no_word_of_our_own_is_left():
    assert len({name for name, _, _ in user_texts(ROOT)}) > 200, "the files are found"
    assert not (found := offences(ROOT)), "\n".join(["", *found])


def test_words_are_found_and_idioms_are_not():
    for text, words in {
        "The tokens are cut into pieces.": ["pieces"],
        "A body with\nrandom weights": ["body"],
        "of each place a vector": ["places"],
        "the file is written in place, in place of the other": [],
        "the option --random-body, the field `body`": [],
        "running text is read": ["running text"],
        "the same command, given again, goes on": ["given again"],
        "the Pareto front, the front page, in front of it": [],
        "the front of all methods": ["front"],
        "the other way round, in this way": [],
        "three ways": ["ways"],
        "a star marks a cell, question marks": [],
        "the end mark": ["marks"],
        "switched sources": [],
        "the *switched* partitions": ["switched"],
        "turn it on, and each in turn": [],
        "a turn of a worker": ["turn"],
    }.items():
        assert [word for word, _, _ in found_in(text)] == words, text
    module = '"""A body."""\nx = {"body": 1}\ny = f"the body of {x[1]}"\n\n\ndef f():\n    """A body."""\n'
    assert [text for _, text in strings_of_python(module)] == ["the body of …"]
    command = module + '\n\ndef g(a: Annotated[int, typer.Option(help="body")]):\n    """Its body."""\n'
    assert {text for _, text in strings_of_python(command)} == {"the body of …", "Its body.", "body"}


if __name__ == "__main__":
    given = sys.argv[1:]
    lines = offences(Path(given[0]) if given else ROOT, tuple(given[1:]))
    print("\n".join(lines) or "nothing found")
    sys.exit(bool(lines))

"""Labels of words in a file → those of a task: spans in IOB2, other names for the same, unknown ones refused.

Three schemes of spans are read (Ramshaw and Marcus 1995; Tjong Kim Sang and Veenstra 1999). `bio`, also called
IOB2: B- begins every span. `iob1`: B- begins only a span right behind one of its own type. `bioes`: S- is a span
of one word, B- and E- are the ends of a longer one.
"""

from collections.abc import Sequence
from pathlib import Path

from hxbench.data.readers.lines import Options, fault, quoted
from hxbench.errors import InputError, did_you_mean

_LETTERS = {"bio": "BI", "iob2": "BI", "iob1": "BI", "bioes": "BIES"}
SCHEMES = tuple(_LETTERS)
_RULES = {
    "bio": "labels in bio, where B- begins every span",
    "iob2": "labels in iob2, where B- begins every span",
    "iob1": "labels in iob1, where B- begins only a span right behind one of its type",
    "bioes": "labels in bioes, where S- is one word and B- to E- are several",
}
_SHOWN = 40  # labels in a message


class Labels:
    """The labels of one file under `options`; `unit` is what messages number."""

    def __init__(self, path: Path, options: Options, unit: str = "line") -> None:
        if options.scheme and options.scheme not in SCHEMES:
            raise InputError(did_you_mean("scheme", options.scheme, list(SCHEMES)))
        self.path, self.unit, self.scheme = path, unit, options.scheme
        self.names, self.map = options.labels, options.label_map
        self._known = frozenset(options.labels)

    def of(self, found: Sequence[tuple[int, str]]) -> list[str]:
        """Return the labels of a sentence, each of them given with the number of its line.

        A map says of a label, or of the type of a span, which one it is here; `O` takes a type out. Raises
        `InputError` for a sequence that the scheme does not have and for an unknown label.
        """
        labels = self._as_iob2(found) if self.scheme else [label for _, label in found]
        if not self.names and not self.map:
            return labels
        return [self._mapped(number, label) for (number, _), label in zip(found, labels, strict=True)]

    def takes(self, label: str) -> bool:
        return not self.names or label in self._known or label in self.map

    def _mapped(self, number: int, label: str) -> str:
        mapped, prefix = self.map.get(label, label), label[:2]
        if label not in self.map and prefix in ("B-", "I-") and (kind := label[2:]) in self.map:
            mapped = prefix + self.map[kind] if self.map[kind] not in ("", "O", None) else self.map[kind]
        if not mapped or (self._known and mapped not in self._known):
            shown = f"{label!r} mapped to {mapped!r}" if mapped != label else quoted(label)
            names = " ".join(self.names[:_SHOWN]) + (" …" if len(self.names) > _SHOWN else "")
            known = f"one of {names}" if names else "a label"
            expected = f"{known}, or a map of this one to it (labels of a data file, --map of a command)"
            raise fault(self.path, number, f"unknown label {shown}", expected, self.unit)
        return mapped

    def _as_iob2(self, found: Sequence[tuple[int, str]]) -> list[str]:
        """Return the same spans in IOB2, in the types of the file."""
        labels: list[str] = []
        kind_before, before = "", ""  # type of the span that may go on, and the label before
        for number, label in found:
            if not self._in_scheme(label):  # such as `_` for O
                label = self.map.get(label, label)
            if not self._in_scheme(label):
                letters = ", ".join(f"{letter}-" for letter in _LETTERS[self.scheme])
                expected = f"O, or a type behind one of {letters} ({self.scheme})"
                raise fault(self.path, number, f"label {quoted(label)}", expected, self.unit)
            prefix, _, kind = label.partition("-")
            goes_on = bool(kind) and kind == kind_before
            if self.scheme == "bioes":
                wrong, begins = (not goes_on, False) if prefix in "IE" else (bool(kind_before), True)
                kind_before = kind if prefix in "BI" else ""
            else:
                wrong = prefix == ("B" if self.scheme == "iob1" else "I") and not goes_on
                begins, kind_before = prefix == "B" or not goes_on, kind
            if wrong:
                where = f"behind {before}" if before else "at the beginning of a sentence"
                raise fault(self.path, number, f"{label} {where}", _RULES[self.scheme], self.unit)
            labels.append(f"{'B' if begins else 'I'}-{kind}" if kind else "O")
            before = label
        if self.scheme == "bioes" and kind_before:
            raise fault(self.path, found[-1][0], f"{before} at the end of a sentence", _RULES["bioes"], self.unit)
        return labels

    def _in_scheme(self, label: str) -> bool:
        prefix, _, kind = label.partition("-")
        return label == "O" or bool(kind and len(prefix) == 1 and prefix in _LETTERS[self.scheme])

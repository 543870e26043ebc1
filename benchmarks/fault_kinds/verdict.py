"""What became of a case, judged by the answers and the files alone.

Right is what the unbroken command gives, or a refusal: exit code 2 and one sentence. Everything else is bad.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fault_kinds.command import Ended

EQUAL, HEALED, REFUSED = "equal", "healed", "refused"
SILENT, LOST, UNEXPECTED, HANG = "SILENT", "LOST", "UNEXPECTED", "HANG"
GOOD = (EQUAL, HEALED, REFUSED)
BAD = (SILENT, LOST, UNEXPECTED, HANG)
LONGEST = 800  # letters of a sentence; a longer one repeats what it was given
# what a command may say beside the sentence in which it refuses
_NOTES = re.compile(
    r"left out|Left out|Not in this data source|Pre-train|pre-train|.* in the store already|Next: |Usage: |Try |"
    r".*: (training|scoring|done)|note: |.*is made again|\s*$"
)
_RAW = re.compile(r"Traceback \(most recent|unexpected [A-Z]\w+|Retrying in|Warning: |^  File \"", re.MULTILINE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")


@dataclass(frozen=True)
class Verdict:
    """One word of those above, and for a bad case what was seen."""

    word: str
    seen: str = ""
    argv: tuple[str, ...] = ()

    @property
    def is_bad(self) -> bool:
        """Whether the suite has a fault."""
        return self.word in BAD


class Bad(Exception):  # noqa: N818 - a verdict that ends a case early
    """Carries the verdict of a case that needs no further look."""

    def __init__(self, word: str, seen: str, ended: Ended | None = None) -> None:
        super().__init__(seen)
        self.verdict = Verdict(word, seen, ended.argv if ended else ())

    def told(self, what: str) -> "Bad":
        """Return the same with what was done before it."""
        more = Bad(self.verdict.word, f"{what}: {self.verdict.seen}")
        more.verdict = Verdict(self.verdict.word, f"{what}: {self.verdict.seen}", self.verdict.argv)
        return more


def require_clean(ended: Ended, *, may_fail: bool = True, quiet: bool = True) -> bool:
    """Return whether a command did what it was asked to, false for a clean refusal; raise `Bad` for all else."""
    if ended.code is None:
        raise Bad(HANG, f"no end after {ended.seconds:.0f} s: {_tail(ended)}", ended)
    if raw := _RAW.search(ended.err):
        raise Bad(UNEXPECTED, f"{raw[0]!r}: {_tail(ended)}", ended)
    own = (
        ended.err if ended.argv[:1] == ("predict",) else ended.out + ended.err
    )  # what is tagged is printed as it is
    if found := _CONTROL.search(own):
        raise Bad(UNEXPECTED, f"a control character {found[0]!r} is printed as it is", ended)
    if ended.code == 0:
        if any(len(line) > 20 * LONGEST for line in ended.err.splitlines()):
            raise Bad(UNEXPECTED, "a note repeats a long value", ended)
        return True
    if ended.code != 2 or not may_fail:
        raise Bad(UNEXPECTED, f"exit code {ended.code}: {_tail(ended)}", ended)
    if len(ended.complaints) != 1 and not _is_help(ended):
        raise Bad(UNEXPECTED, f"{len(ended.complaints)} sentences: {_tail(ended)}", ended)
    if any(len(line) > LONGEST for line in ended.err.splitlines()):
        raise Bad(UNEXPECTED, f"the sentence repeats a long value: {_tail(ended)}", ended)
    lines = [line for line in ended.err.splitlines() if not line.startswith("hxbench: ")]
    if quiet and (more := [line for line in lines if not _NOTES.match(line)]) and not _is_help(ended):
        raise Bad(UNEXPECTED, f"more than one sentence: {more[0]!r}", ended)
    return False


def _is_help(ended: Ended) -> bool:
    return "Usage:" in ended.out + ended.err and not ended.complaints


def _tail(ended: Ended) -> str:
    lines = [line for line in ended.err.splitlines() if line.strip()]
    return " / ".join(line[:300] for line in lines[-2:]) or "(nothing said)"


def require_kept(wanted: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, str]]) -> None:
    """Raise `Bad` when a finished run is gone (LOST) or says something else (SILENT)."""
    for run_id, facts in wanted.items():
        if run_id not in found:
            raise Bad(LOST, f"run {run_id} is gone")
        if changed := [name for name in facts if found[run_id].get(name) != facts[name]]:
            raise Bad(SILENT, f"run {run_id}: {', '.join(changed[:4])} differ from the unbroken run")


def judged_answer(ended: Ended, shown: str, whole: str, without: str | None = None, named: str = "") -> Verdict:
    """Judge what a reader printed: the unbroken answer, a refusal, or all but a run that it names as left out."""
    if not require_clean(ended):
        return Verdict(REFUSED)
    if shown == whole:
        return Verdict(EQUAL)
    if without is not None and shown == without and named and named in ended.err + ended.out:
        return Verdict(REFUSED)
    if without is not None and shown == without:
        raise Bad(SILENT, f"run {named} is left out and not named", ended)
    raise Bad(SILENT, f"exit 0 with another answer: {_difference(shown, whole)}", ended)


def _difference(shown: str, whole: str) -> str:
    pairs = zip(shown.splitlines(), whole.splitlines(), strict=False)
    for one, other in pairs:
        if one != other:
            return f"{one[:160]!r} instead of {other[:160]!r}"
    return f"{len(shown)} characters instead of {len(whole)}"

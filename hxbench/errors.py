"""The ways a command ends other than well, told apart by exit code."""

from hxbench.printing import shortened

_LONGEST_NAME = 100  # that anything is offered for: comparing takes time
_MOST_NAMES = 25  # that a sentence lists


class InputError(Exception):
    """What the user gave cannot be used: one clear sentence, exit code 2, no traceback.

    `example` is a text of several lines to go on from, which is shown below the sentence.
    """

    def __init__(self, sentence: str, example: str = "") -> None:
        super().__init__(sentence)
        self.example = example


class LackingData(InputError):  # noqa: N818 - what there is, not what went wrong
    """A run cannot be made from what the data source holds; others of an experiment can."""


class Uncounted(InputError):  # noqa: N818 - what is not known, not what went wrong
    """What a run needs cannot be counted from its configuration alone; it can be planned and done."""


class RunError(Exception):
    """A run that was well specified failed while it ran: exit code 1."""


class Interrupted(Exception):  # noqa: N818 (not an error: the user asked for it)
    """Training was asked to stop and its state is saved: exit code 128 + the signal's number."""

    def __init__(self, signal_number: int, step: int) -> None:
        super().__init__(f"stopped after step {step}, which is saved")
        self.signal_number, self.step = signal_number, step


class Stopped(BaseException):
    """SIGINT or SIGTERM came where nothing had to be saved first: exit code 128 + the signal's number.

    Like `KeyboardInterrupt` no `Exception`, so that nothing takes it for a failure of what it was doing.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"stopped by signal {signal_number}")
        self.signal_number = signal_number


def reason(error: Exception) -> str:
    """Return why something cannot be read or written, as the middle of a sentence."""
    return ((error.strerror if isinstance(error, OSError) else None) or str(error)).removesuffix(".")


def did_you_mean(kind: str, name: str, known: list[str]) -> str:
    """Return a sentence that says `name` is unknown and offers the nearest known names."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=2, cutoff=0.5) if len(name) <= _LONGEST_NAME else []
    names, more = sorted(known)[:_MOST_NAMES], len(known) - _MOST_NAMES
    listed = ", ".join(names) + (f" and {more} more" if more > 0 else "")
    hint = f" Did you mean {' or '.join(near)}?" if near else f" Known: {listed or 'none'}."
    return f"unknown {kind} '{shortened(name)}'.{hint}"

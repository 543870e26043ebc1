"""The two ways a command ends badly, told apart by exit code."""


class InputError(Exception):
    """What the user gave cannot be used: one clear sentence, exit code 2, no traceback."""


class RunError(Exception):
    """A run that was well specified failed while it ran: exit code 1."""


def did_you_mean(kind: str, name: str, known: list[str]) -> str:
    """Return a sentence that says `name` is unknown and offers the nearest known names."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=2, cutoff=0.5)
    hint = f" Did you mean {' or '.join(near)}?" if near else f" Known: {', '.join(sorted(known))}."
    return f"unknown {kind} '{name}'.{hint}"

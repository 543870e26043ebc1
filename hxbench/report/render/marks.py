"""How a footnote's mark is written where there is no markup."""

_RAISED = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖᵠʳˢᵗᵘᵛʷˣʸᶻ")


def raised(marks: str) -> str:
    """Return the marks with their letters raised; `*` stays what it is."""
    return marks.translate(_RAISED)

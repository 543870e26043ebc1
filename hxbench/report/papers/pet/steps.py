"""How fast a run gets where it ends: steps to a share of its final score, from its stored validation scores."""

SHARE = 0.95


def steps_to_share(curve: list[tuple[int, float]], share: float = SHARE) -> int | None:
    """Return the first evaluated step that has `share` of the final score.

    The final score is the best one, whose weights a run keeps; the answer is as fine as the run was evaluated
    often. None without scores, and where the best is not above zero: it has no share to reach.
    """
    best = max((score for _, score in curve), default=0.0)
    if best <= 0:
        return None
    return next(step for step, score in curve if score >= share * best)

"""How sure a difference is: intervals, p values, verdicts on claims."""

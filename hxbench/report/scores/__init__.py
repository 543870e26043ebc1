"""From selected runs to scores: a value for each seed, means over tasks, languages and groups, few-shot draws."""

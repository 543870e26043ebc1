"""How many parameters three methods train, by number of tasks and of layers (PHA, Appendix B): formulas, no runs.

d is the model's width, L its layers in the encoder and in the decoder each, τ the tasks, b a bottleneck.
"""

from collections.abc import Callable
from math import log2

from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import Cell
from hxbench.report.papers.pha.cells import printed_parameters
from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import TABLE1

WIDTH, LAYERS, TASKS = 768, 12, 8  # T5-base and GLUE
_TASKS = (1, 2, 4, 8, 16, 32, 64)
_LAYERS = (3, 6, 12, 24, 48)


def adapter_size(width: int, bottleneck: int) -> int:
    """Return the weights and biases of one bottleneck adapter."""
    return 2 * width * bottleneck + bottleneck + width


def pha(
    tasks: int, layers: int, *, width: int = WIDTH, bottleneck: int = 64, prime: int = 128, mixed: int = 32
) -> int:
    """Return the parameters of PHA as the paper's formula has them: 4,487,424 with T5-base and eight tasks.

    `prime` is the size d′ of z, prototypes and layer embeddings, `mixed` that of the mixed embedding.
    """
    retriever = width * prime + prime**2
    embeddings = (tasks + layers) * prime
    generator = 2 * prime * mixed + mixed * adapter_size(width, bottleneck)
    return retriever + embeddings + generator + layers * adapter_size(width, bottleneck)


def adapter(tasks: int, layers: int, *, width: int = WIDTH, bottleneck: int = 24) -> int:
    """Return the parameters of adapters after attention and feed-forward, a set a task: encoder and decoder."""
    return tasks * 4 * layers * adapter_size(width, bottleneck)


def hyperformer(
    tasks: int, layers: int, *, width: int = WIDTH, bottleneck: int = 24, size: int = 64, hidden: int = 128
) -> int:
    """Return the parameters of Hyperformer++: 5,163,440 with T5-base and eight tasks.

    `size` is that of the embeddings of tasks, layers and the two positions, which it joins, maps to `hidden` and
    back to `size`, and normalises. A head with biases then makes each part of an adapter and the weight and bias
    of the layer normalisation behind it.
    """
    joined = 3 * size * hidden + hidden + hidden * size + size + 2 * size
    heads = (size + 1) * (adapter_size(width, bottleneck) + 2 * width)
    return tasks * size + 2 * ((layers + 2) * size + joined + heads)


METHODS: dict[str, Callable[[int, int], int]] = {"PHA": pha, "Adapter": adapter, "Hyperformer++": hyperformer}
_RECIPES = {"pha": "PHA", "adapter": "Adapter", "hyperformer": "Hyperformer++"}
_PROMPT = 100 * WIDTH  # virtual tokens
# of a task's own, whatever other tasks there are: ATTEMPT's attention goes through 100 and a layer normalisation,
# MPT multiplies a shared prompt by the outer product of two vectors
_OF_PROMPTS = {
    "prompt": _PROMPT,
    "spot": _PROMPT,
    "attempt": _PROMPT + 2 * WIDTH * 100 + 2 * WIDTH,
    "mpt": _PROMPT + 100 + WIDTH,
}


def per_task(method: str) -> int | None:
    """Return what the formula of a recipe's method gives per task with T5-base and GLUE, None without one.

    Rounded down, as the paper's own 560,928 comes out even; an adapter is a task's own.
    """
    if method not in _RECIPES:
        return _OF_PROMPTS.get(method)
    count = METHODS[_RECIPES[method]]
    return count(1, LAYERS) if method == "adapter" else count(TASKS, LAYERS) // TASKS


def published_per_task(method: str) -> dict[str, int]:
    """Return what the paper has for a recipe's method per task, as far as it has: by formula, in Table 1."""
    values: dict[str, int] = {}
    if (formula := per_task(method)) is not None:
        values["formula_per_task"] = formula
    row = next((row for row in TABLE1 if row.method == method), None)
    if row and (printed := printed_parameters(row.published)) is not None:
        values["published_per_task"] = round(printed)
    return values


def _panel(
    title: str, axis: str, places: tuple[int, ...], counts: Callable[[Callable[[int, int], int], int], int]
) -> Panel:
    curves = tuple(
        Series(name, tuple(Cell(float(counts(method, at)), n=1) for at in places))
        for name, method in METHODS.items()
    )
    return Panel(
        title, "trained parameters", curves, places=tuple(map(str, places)), at=tuple(map(log2, places)), axis=axis
    )


def build(results: Results) -> list[Figure]:
    """Return the one figure, a panel for each of what is varied."""
    panels = (
        _panel("by number of tasks", "tasks τ (log scale)", _TASKS, lambda method, n: method(n, LAYERS)),
        _panel("by number of layers", "layers L (log scale)", _LAYERS, lambda method, n: method(TASKS, n)),
    )
    return [
        Figure(
            kind="lines",
            places=(),
            panels=panels,
            heading=("computed from formulas: no run is behind it",),
            caption=results.file.entry("parameters").caption,
            quantity="parameters",
            measured=False,
            **results.named("parameters"),
        )
    ]

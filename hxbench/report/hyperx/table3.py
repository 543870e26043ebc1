"""Table 3: parameters and training time of a model that does both tasks, and what else it took here."""

from hxbench.report.hyperx.cells import make_cell
from hxbench.report.hyperx.costs import PARAMETERS_NOTE, printed_cost
from hxbench.report.hyperx.results import Results
from hxbench.report.hyperx.rows import ABSENT, BASE, MBERT, SMALL, MethodRow
from hxbench.report.table import Block, Column, Marks, Row, Table

_NAME = "Table 3"
_OURS_ONLY = "not in the paper"
COLUMNS = (
    Column("#params", "", "count"),
    Column("time", "", "duration"),
    Column("trained", _OURS_ONLY, "count", paper=False),
    Column("memory", _OURS_ONLY, "bytes", paper=False),
    Column("tokens/s", _OURS_ONLY, "rate", paper=False),
    Column("FLOPs/token", _OURS_ONLY, "count", paper=False),
)
_METRICS = (
    ("counted_parameters", "#Params", "params"),
    ("wall_seconds", "Training Time", "training time"),
    ("trainable_parameters", "", ""),
    ("peak_memory_bytes", "", ""),
    ("tokens_per_second", "", ""),
    ("flops_per_token", "", ""),
)
_MAD_X = "MAD-X (total, 16 languages, 2 tasks)"
ROWS = (
    MBERT,
    MethodRow("PSF", "PSF"),
    MethodRow(_MAD_X, "MAD-X, all"),
    MethodRow("MAD-X language adapter (each)", "  language adapter"),
    MethodRow("MAD-X task adapter (each)", "  task adapter"),
    SMALL,
    BASE,
)
_SETTINGS = ("multi", "mixed")  # one model for both tasks, in the order of preference


def _setting(results: Results, method: str) -> str:
    """Return the setting whose models are measured: the first that has any, else the first."""
    return next((s for s in _SETTINGS if results.run_set(method, s).present), _SETTINGS[0])


def build(results: Results) -> list[Table]:
    """Return the one table."""
    marks, rows, keys = Marks(), [], []
    for method in ROWS:
        runs = None
        if method.method:
            setting = _setting(results, method.method)
            runs = results.run_set(method.method, setting)
            keys.append((method.method, setting))
        cells = []
        for metric, column, quantity in _METRICS:
            odd = PARAMETERS_NOTE if method.published == _MAD_X and quantity == "params" else None
            printed = printed_cost(_NAME, method.published, column, quantity)
            cells.append(make_cell(runs.cost(metric) if runs else None, printed, marks, doubt=odd))
        mark = "" if runs is None else marks.letter(f"a model of the {setting} setting")
        rows.append(Row(method.title, tuple(cells), ours=runs is not None, mark=mark or marks.letter(ABSENT)))
    # any one run measures a method's cost: only methods without one need a command
    lacking = [key for key in keys if not results.run_set(*key).present]
    return [
        Table(
            name="table3",
            title="Hyper-X, Table 3: parameters and training time for NER and POS together",
            stub="method",
            columns=COLUMNS,
            blocks=(Block("", tuple(rows)),),
            heading=results.heading(keys),
            notes=marks.notes(),
            remarks=results.remarks(keys, timed=True),
            commands=tuple(line for key in lacking for line in results.commands([key])[:1]),
            facts={"paper": "hyperx", "profile": results.profile},
        )
    ]

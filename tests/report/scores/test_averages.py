"""What is averaged where: one module takes the means of reports, exactly."""

import ast
from pathlib import Path

import pytest

import hxbench
from hxbench.report.scores.averages import deviation, mean, mean_of_each, means_by_seed

PACKAGE = Path(hxbench.__file__).parent
HERE = "report/scores/averages.py"
A_TEST = "report/papers/pet/thresholds.py"  # means within a test statistic, which nothing prints
MEANS = {"mean", "fmean", "average", "nanmean", "stdev"}
LIBRARIES = ("statistics", "numpy", "pandas")


def _called(node, name):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def means_in(source):
    """Count the means that a module takes: a library's, a frame's or array's own, and sums over a length."""
    tree = ast.parse(source)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in LIBRARIES]
    named = {name.asname or name.name for node in imports for name in node.names if name.name in MEANS}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = sum(isinstance(call.func, ast.Name) and call.func.id in named for call in calls)
    for method in (call for call in calls if isinstance(call.func, ast.Attribute)):
        of = method.func.value
        library = isinstance(of, ast.Name) and of.id in ("np", "pd", *LIBRARIES)
        own = not method.args and method.func.attr == "mean"  # our methods of that name take what to average over
        found += method.func.attr in MEANS and (library or own)
    divided = [node for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    return found + sum(_called(one.left, "sum") and _called(one.right, "len") for one in divided)


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("from statistics import fmean as f, stdev\nf([1]) + stdev([1, 2])", 2),
        ("import numpy as np\nnp.mean([1], axis=0)\nnp.average([1])", 2),
        ("frame.groupby('seed').value.mean()\nrows.mean(axis=0)", 2),
        ("sum(values) / len(values)", 1),
        ("from hxbench.report.scores.averages import mean\nmean([1])\nrun_set.mean\nside.mean(pairs)", 0),
    ],
)
def test_means_are_counted(source, count):
    assert means_in(source) == count


def test_reports_average_in_one_module_alone():
    files = [*(PACKAGE / "report").rglob("*.py"), *(PACKAGE / "cli").rglob("*.py"), PACKAGE / "api.py"]
    found = {file.relative_to(PACKAGE).as_posix(): means_in(file.read_text()) for file in files}
    assert found.pop(HERE) > 0
    assert found.pop(A_TEST) > 0
    assert {file: count for file, count in found.items() if count} == {}, f"take them from {HERE}"


def test_a_mean_is_over_models_then_pairs_for_seeds_that_have_all():
    scores = [mean_of_each({2: [1.0, 3.0], 1: [5.0]}), mean_of_each({3: [9.0], 1: [1.0, 2.0, 6.0], 2: [8.0]})]
    assert means_by_seed(scores) == {1: 4.0, 2: 5.0}
    assert list(means_by_seed(scores[1:])) == [1, 2, 3]
    assert means_by_seed([]) == means_by_seed([*scores, {}]) == {}


def test_a_mean_is_exact_and_none_of_nothing():
    assert mean([1e16, 1.0, -1e16]) == 1 / 3
    assert mean([]) is None
    assert deviation([1.0]) is None
    assert deviation([1.0, 3.0]) == pytest.approx(2**0.5)

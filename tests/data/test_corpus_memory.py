"""Peak memory must not grow with the corpus: each size in a process of its own, which reports its peak."""

import os
import subprocess
import sys

import pytest

CODE = """
import resource, sys
from pathlib import Path
from hxbench.data import Corpora, Origin
task, language = sys.argv[2:]
dataset = Corpora(Origin("mirror", Path(sys.argv[1]))).load(task, language, "train")
print(dataset.num_rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
SMALL = 12_000  # rows; about 6 MB of CoNLL-U, so ten times as many would show
MARGIN = 25  # MB; ten times the small treebank takes more than 200 MB as Python lists


def write(root, task, rows):
    block = "".join(f"{n}\tword{n}\tword{n}\tNOUN\t_\t_\t0\troot\t_\t_\n" for n in range(1, 16)) + "\n"
    if task == "ner":
        block = "".join(f"en:word{n}\tO\n" for n in range(15)) + "\n"
    if task == "mlm":
        block = "a sentence of raw text that is longer than sentences are " * 8 + "\n"
    name = {"pos": "UD_English-EWT/en_ewt-ud-train.conllu", "ner": "wikiann/en/train", "mlm": "text/en.txt"}[task]
    path = root / name
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        for _ in range(rows // 1000):
            file.write(block * 1000)


def peak(root, cache, task):
    command = [sys.executable, "-c", CODE, str(root), task, "en"]
    environment = os.environ | {"HXBENCH_CACHE": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [int(number) for number in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.matrix
@pytest.mark.parametrize("task", ["pos", "ner", "mlm"])
def test_ten_times_the_corpus(tmp_path, task):
    peaks = {}
    for rows in (SMALL, 10 * SMALL):
        root = tmp_path / str(rows)
        write(root, task, rows)
        read, peaks[rows] = peak(root, root / "cache", task)
        assert read == rows
    assert peaks[10 * SMALL] - peaks[SMALL] < MARGIN, peaks

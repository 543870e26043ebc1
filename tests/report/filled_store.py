"""Stores filled with made-up or published scores, without training anything."""

from hxbench.report.artifact.published import published
from hxbench.spec import recipe
from hxbench.spec.languages import find_language, language_set
from hxbench.spec.settings import source_pairs, target_pairs
from hxbench.store.arrays import SENTENCE_COLUMNS

METRIC = {"ner": "f1", "pos": "accuracy"}
PAPER_METRIC = {"ner": "NER F1", "pos": "POS accuracy"}
PAPER_NAME = {
    "mbert": "mBERT",
    "psf": "PSF",
    "madx": "MAD-X",
    "madx-ms": "MAD-X MS",
    "hyperx-small": "Hyper-X Small",
    "hyperx-base": "Hyper-X Base",
}
PAPER_SETTING = {
    "single": "English single-task",
    "multi": "English multi-task",
    "mixed": "Mixed-language multi-task",
}
COSTS = {"counted_parameters": 311_000, "wall_seconds": 83.0, "peak_memory_bytes": 2**30}


def score_rows(spec, score, lacking=()):
    """Test rows of a run; `score(task, paper code, is source)` gives the value."""
    languages = language_set("sandbox" if spec.data.origin == "sandbox" else "hyperx")
    if shot := spec.few_shot:  # what a few-shot run is tuned on is all that it is scored on
        value = score(shot.task, languages[shot.language].paper_code, True)
        where = {"task": shot.task, "language": shot.language, "role": "source"}
        return [{"split": "test", **where, "metric": METRIC[shot.task], "step": 1, "value": value}]
    sources = source_pairs(spec.setting, spec.task, spec.partition, spec.data)
    return [
        {
            "split": "test", "task": p.task, "language": p.language, "metric": METRIC[p.task], "step": 1,
            "role": "source" if p in sources else "target",
            "value": score(p.task, languages[p.language].paper_code, p in sources),
        }
        for p in target_pairs(spec.setting, spec.task, spec.data)
        if p.language in languages and (p.task, languages[p.language].paper_code) not in lacking
    ]  # fmt: skip


def write_run(store, spec, score, lacking=(), costs=None, predictions=None, status=None):
    """Write a finished run; `predictions(task, paper code)` gives (correct, predicted, gold) a sentence."""
    with store.open_run(spec) as run:
        rows = [{"split": "cost", "metric": name, "value": value} for name, value in (costs or COSTS).items()]
        scored = score_rows(spec, score, lacking)
        run.write_metrics([*scored, *rows])
        if predictions:
            table = {name: [] for name in SENTENCE_COLUMNS}
            for row in scored:
                for counts in predictions(row["task"], find_language(row["language"]).paper_code):
                    values = (row["task"], row["language"], *map(int, counts))
                    for name, value in zip(SENTENCE_COLUMNS, values, strict=True):
                        table[name].append(value)
            run.write_sentence_counts(table)
        run.write_provenance({"device": "cpu"})
        run.finish(**(status or {}))
    return spec


def fill(store, method="hyperx-base", setting="mixed", seeds=(1, 2, 3), score=None, lacking=(), **options):
    """Write the runs of a method in a setting; a seed's score is 50 + seed unless told otherwise."""
    specs = recipe.expand(method, setting=setting, seeds=seeds, **options)
    for spec in specs:
        write_run(store, spec, score or (lambda task, code, source, seed=spec.seed: 50.0 + seed), lacking)
    return specs


def fill_with_published(store, profile="demo"):
    """Write runs that score what Table 6 prints; a source's own score is nonsense that must reach no cell."""
    numbers = published("hyperx")
    for method, row in PAPER_NAME.items():
        for setting in recipe.load("methods", method).settings:
            column = PAPER_SETTING[setting]

            def score(task, code, source, row=row, column=column):
                if source and code != "en":
                    return -1000.0
                return numbers.value("Table 6", row, column, PAPER_METRIC[task], code)

            fill(store, method, setting, score=score, profile=profile)

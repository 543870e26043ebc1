"""Three tasks of GLUE and one of SuperGLUE in miniature, and specs of text-to-text runs that take seconds."""

import json
import random
from pathlib import Path

import yaml

from hxbench.closed import validated
from hxbench.spec import recipe
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.spec.run_spec import RunSpec

TINY_T5 = BackboneSpec(
    name="tiny-t5",
    pretrain=PretrainSpec(
        architecture="t5", vocabulary=300, layers=2, hidden=16, heads=2, intermediate=24, steps=10, batch_size=8,
        max_length=24, lr=3e-3, dropout=0, cpu_threads=1,
    ),
)  # fmt: skip
SMALL: dict[str, dict[str, object]] = {  # options, by kind
    "adapter": {"bottleneck": 4},
    "hyperformer": {"embedding": 4, "source_hidden": 8, "projected": 4, "reduction": 4},
    "hyperdecoder": {"bottleneck": 4},
    "pha": {"bottleneck": 4, "d_prime": 6, "retriever_hidden": 6, "mixed": 4},
    "prompt": {"tokens": 3, "sample_from": 50},
    "spot": {"tokens": 3, "sample_from": 50},
}
DATA = {
    "origin": "mirror", "collection": "english", "max_length": 48, "dev_from_train": 12,
}  # fmt: skip


def write_text_mirror(root: Path) -> None:
    """Write the tasks in the layout of their releases; the same bytes every time."""
    draw = random.Random("text mirror")
    words = "the cat dog bird saw heard good bad old new man house".split()
    sentence = lambda: " ".join(draw.choice(words) for _ in range(draw.randint(3, 7))) + " ."  # noqa: E731
    for part, count in (("train", 60), ("dev", 24)):
        rows = "".join(f"{sentence()} \t{n % 2}\n" for n in range(count))
        _write(root / f"glue/SST-2/{part}.tsv", f"sentence\tlabel\n{rows}")
        labels = ("entailment", "not_entailment")
        rows = "".join(f"{n}\t{sentence()}\t{sentence()}\t{labels[n % 3 == 0]}\n" for n in range(count))
        _write(root / f"glue/RTE/{part}.tsv", f"index\tsentence1\tsentence2\tlabel\n{rows}")
        head = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
        rows = "".join(f"{n}\ta\tb\tc\td\te\tf\t{sentence()}\t{sentence()}\t{n % 6}.000\n" for n in range(count))
        _write(root / f"glue/STS-B/{part}.tsv", head + rows)
    classes = ("entailment", "contradiction", "neutral")
    rows = [
        {"premise": sentence(), "hypothesis": sentence(), "label": classes[n % 3], "idx": n} for n in range(40)
    ]
    for part, some in (("train", rows[:24]), ("val", rows[24:])):
        _write(root / f"superglue/CB/{part}.jsonl", "".join(json.dumps(row) + "\n" for row in some))


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def write_text_profile(folder: Path) -> Path:
    """Write a profile of these tasks for PHA, and the recipe of its backbone; return the profile's file."""
    (folder / "t5.yaml").write_text(yaml.safe_dump({"name": "t5", "pretrain": TINY_T5.pretrain.model_dump()}))
    data = {"collection": "english", "max_length": 48, "dev_from_train": 12}
    training = {"eval_batch_size": 8, "cpu_threads": 1}
    profile = {
        "about": "The tests' own.",
        "backbone": "t5.yaml",
        "seeds": [1],
        "draws": 1,
        "data": {"origin": "mirror"},
        "papers": {"pha": {"backbone": "t5.yaml", "data": data, "training": training}},
    }
    (folder / "mini.yaml").write_text(yaml.safe_dump(profile))
    return folder / "mini.yaml"


def text_spec(method: str = "pha", backbone: BackboneSpec = TINY_T5, **others: object) -> RunSpec:
    """Return a spec that trains in seconds; `training`, `options` and `data` change single fields of it."""
    changes = {name: others.pop(name, {}) for name in ("training", "options", "data")}
    known = recipe.load("methods", method).settings
    setting = others.pop("setting", known[-1])
    if setting == "multi":
        others.setdefault("suite", "glue")
    else:
        others.setdefault("task", "rte")
    spec = recipe.resolve(method, setting=setting, **others)
    training = {
        "updates": 8, "batch_size": 6, "lr": 3e-3, "warmup": 2, "evaluate_every": 4, "eval_batch_size": 8,
        "cpu_threads": 1,
    }  # fmt: skip
    fields = {
        **spec.model_dump(),
        "options": recipe.merge(spec.options, SMALL.get(spec.kind, {}), changes["options"]),
        "training": spec.training.model_dump() | training | {"epochs": None} | changes["training"],
        "data": spec.data.model_dump() | DATA | changes["data"],
        "backbone": backbone.model_dump(),
    }
    return validated(RunSpec, fields, "test")

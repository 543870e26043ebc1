"""Every form of an export, loaded by its own means in a process that cannot import hxbench: the same answers."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from command_line import hxbench
from miniature import spec_for
from safetensors.torch import load_file, save_file
from test_pet_run import BACKBONES
from text_miniature import TINY_T5, text_spec, write_text_mirror

from hxbench import places
from hxbench.answering.causal import joined
from hxbench.errors import InputError
from hxbench.runs.data import RunData
from hxbench.runs.export import export
from hxbench.runs.finished import restore
from hxbench.runs.inputs import DataSource
from hxbench.runs.predict import predict
from hxbench.runs.predictor import predictor_of_export, predictor_of_run
from hxbench.runs.session import Session
from hxbench.spec.settings import Pair
from hxbench.store import Store
from hxbench.tasks import task_of

QUIET = lambda *_: None  # noqa: E731
MOVED = {"updates": 16, "lr": 0.02, "evaluate_every": 16, "warmup": 0}  # far enough to answer differently
# name → method, backbone, what else, and the form: kind, class of transformers, whether the head lies beside
TEXTS = {
    "bert, pooled": ("pet-ft", "bert", {"options": {"head": "pooled"}}, "model SequenceClassification"),
    "bert, first": ("pet-ft", "bert", {}, "model Model beside"),
    "bert, a score": ("ft", "bert", {"task": "stsb"}, "model Model beside"),
    "t5": ("pet-ft", "t5", {}, "model Seq2SeqLM"),
    "bloom": ("pet-ft", "bloom", {}, "model CausalLM"),
    "bert, pooled, LoRA": ("pet-lora", "bert", {"options": {"head": "pooled"}}, "peft SequenceClassification"),
    "bert, first, LoRA": ("pet-lora", "bert", {}, "peft Model beside"),
    "t5, LoRA": ("pet-lora", "t5", {}, "peft Seq2SeqLM"),
    "bloom, LoRA": ("pet-lora", "bloom", {}, "peft CausalLM"),
    "bloom, a head": ("pet-ft", "bloom", {"options": {"answering": "class"}}, "model Model beside"),
    "bloom, a head, LoRA": ("pet-lora", "bloom", {"options": {"answering": "class"}}, "peft Model beside"),
    "bloom, a head, adapters": ("pet-adapter", "bloom", {"options": {"answering": "class"}}, "adapter Model"),
    "bert, adapters": ("pet-adapter", "bert", {"options": {"head": "pooled"}}, "adapter Model"),
    "bloom, adapters": ("pet-adapter", "bloom", {}, "adapter CausalLM"),
    "Hyperformer++": ("hyperformer", "t5", {"setting": "multi", "task": "sst2"}, "adapter Seq2SeqLM"),
    "PHA": ("pha", "t5", {"setting": "multi", "task": "rte"}, "adapter Seq2SeqLM"),
}  # fmt: skip
WORDS = {
    "Hyper-X": ("hyperx-base", {}, "adapter Model"),
    "MAD-X": ("madx", {"setting": "single", "task": "pos"}, "adapter Model"),
    "mBERT": ("mbert", {}, "model TokenClassification"),
    "words, LoRA": ("tag-lora", {}, "peft TokenClassification"),
}
# further members of kinds that others are of, which make test-all has too: their runs are trained if asked for
FURTHER = (
    "bert, first", "bert, a score", "bert, first, LoRA", "bert, adapters", "t5, LoRA", "bloom, LoRA", "bloom",
    "bloom, a head", "bloom, a head, LoRA", "bloom, adapters",
)  # fmt: skip
NAMES = [pytest.param(one, marks=pytest.mark.matrix if one in FURTHER else ()) for one in (*TEXTS, *WORDS)]
REFUSED = {
    "hyperdecoder": ("hyperdecoder", "t5", {"setting": "multi", "task": "rte"}, ""),
    "prompt": ("prompt", "t5", {}, ""),
}
ALONE = """
import importlib.util, json, sys

class Without:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "hxbench":
            raise ImportError("hxbench is not here")

sys.meta_path.insert(0, Without())
import torch, transformers
from safetensors.torch import load_file, save_file

given, out = load_file("batches"), {}
for name, job in json.load(open("jobs.json")).items():
    batch = {key.partition("|")[2]: value for key, value in given.items() if key.startswith(f"{name}|")}
    folder, backbone, head = job["folder"], job["backbone"], None
    if job["alone"]:
        found = importlib.util.spec_from_file_location("load_adapter", f"{folder}/load_adapter.py")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        model, head = module.load(folder, None if job["kind"] == "model" else backbone)
    else:
        auto = getattr(transformers, job["loads"])
        if job["kind"] == "model":
            model = auto.from_pretrained(folder)
            transformers.AutoTokenizer.from_pretrained(folder)
        else:
            from peft import PeftModel

            labels = {"num_labels": job["classes"]} if "Classification" in job["loads"] else {}
            model = PeftModel.from_pretrained(auto.from_pretrained(backbone, **labels), folder)
    with torch.no_grad():
        model.eval()
        if job["classes"]:
            answer = model(**batch)
            out[name] = answer.logits if head is None else head(answer.last_hidden_state, batch["attention_mask"])
        else:
            out[name] = model.generate(**batch, max_new_tokens=4, do_sample=False, num_beams=1)
            out[name] = out[name][:, 1 if "Seq2Seq" in job["loads"] else batch["input_ids"].shape[1]:].contiguous()
    assert "hxbench" not in sys.modules
save_file(out, "answers")
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mirror):
    """Return a function that trains a run of the tables above, once, and gives its record, its data and a pair."""
    english, store = tmp_path_factory.mktemp("text-mirror"), tmp_path_factory.mktemp("store")
    write_text_mirror(english)
    made = {}

    def one(name):
        if name in made:
            return made[name]
        method, *rest = (TEXTS | WORDS | REFUSED)[name]
        if name not in WORDS:
            family, changes, _ = rest
            changes = {"training": MOVED, **changes}
            pair = Pair(changes.get("task", "rte"), "en")
            if changes.get("setting") == "multi":
                changes.pop("task")
            backbone = TINY_T5 if family == "t5" else BACKBONES[family]
            source, spec = english, text_spec(method, backbone, **changes)
        else:
            source, spec = mirror, spec_for(method, training=MOVED, **rest[0])
            pair = Pair("pos", "ar")
        session = Session(DataSource("mirror", source), store)
        planned = session.add(spec)
        for todo in session.todo():
            todo.job.execute(QUIET)
        made[name] = SimpleNamespace(
            record=Store(store).get(planned.run_id), plan=planned.plan, data=session.corpora(spec.data), pair=pair
        )
        return made[name]

    return one


@pytest.fixture(scope="module")
def exports(trained, tmp_path_factory, request):
    """All exports that tests ask for; what each run answers to some examples, and what they alone make of them."""
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    root = tmp_path_factory.mktemp("exports")
    jobs, batches, wanted = {}, {}, {}
    for number, name in enumerate(name for name in (*TEXTS, *WORDS) if name in asked):
        one = trained(name)
        folder = root / f"export-{number}"
        said = export(one.record, task=one.pair.task, language=one.pair.language, out=folder)
        method, backbone = restore(one.record)
        data = RunData(one.record.spec, one.plan, one.data, backbone)
        split = data.split(one.pair, "test")
        batch = split.batch(np.argsort(split.rows.lengths)[[0, 5, -1]])
        with torch.no_grad():
            method.eval()
            writes = said.answers in ("encoder-decoder", "causal")
            wanted[name] = method.generate(batch, 4) if writes else method.logits(batch)
        classes = len(said.labels) or 1
        place = places.cache_dir() / "backbones" / said.backbone.fingerprint
        jobs[name] = {
            "folder": str(folder), "backbone": str(place), "kind": said.kind, "loads": said.loads,
            "alone": (folder / "load_adapter.py").exists(), "classes": 0 if writes else classes,
        }  # fmt: skip
        given = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        if said.answers == "class" and said.state == "first":
            given["token_type_ids"] = method.answering.segments(batch)
        if said.answers == "causal":
            source = joined((batch.input_ids, batch.attention_mask), padding=backbone.padding)
            given = {"input_ids": source.ids, "attention_mask": source.mask}
        batches |= {f"{name}|{key}": value.contiguous() for key, value in given.items()}
        wanted[name] = (wanted[name], batch)
    (root / "jobs.json").write_text(json.dumps(jobs))
    save_file(batches, root / "batches")
    done = subprocess.run([sys.executable, "-I", "-c", ALONE], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return jobs, wanted, load_file(root / "answers")


@pytest.mark.parametrize("name", NAMES)
def test_it_answers_elsewhere_as_here(name, exports, trained):
    jobs, wanted, found = exports
    job, (own, batch), other = jobs[name], wanted[name], found[name]
    kind, loads, *beside = (TEXTS | WORDS)[name][-1].split()
    assert (job["kind"], job["loads"]) == (kind, f"AutoModel{'' if loads == 'Model' else f'For{loads}'}")
    assert job["alone"] == bool(beside or kind == "adapter")
    if job["classes"] and batch.positions is not None:
        other = other.flatten(0, 1)[batch.positions]
    elif job["classes"]:
        own = own[:, 0]
    else:
        assert own.tolist() == other[:, : own.shape[1]].tolist()
        return
    assert own.abs().max() > 0.1
    assert torch.allclose(own, other, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_it_predicts_here_what_its_run_predicts(name, exports, trained, tmp_path):
    one, folder = trained(name), Path(exports[0][name]["folder"])
    task, path = task_of(one.pair.task), tmp_path / "in"
    if task.answers_texts:
        rows = one.data.load(*one.pair, "test")["fields"]
        lines = [json.dumps(dict(zip(task.fields, fields, strict=True))) for fields in rows]
        path.write_text("\n\n".join(lines))
    else:
        path.write_text("\n".join(" ".join(words) for words in one.data.load(*one.pair, "test")["words"]))
    answers = [
        answered(predictor, path, "jsonl")
        for predictor in (predictor_of_run(one.record, *one.pair), predictor_of_export(folder, None, None))
    ]
    assert _near(*answers)
    stored = one.record.predictions(*one.pair)["predicted"]
    if not task.answers_texts:
        assert [row["pos"] for row in answers[0]] == stored
        return
    assert [row["line"] for row in answers[0]] == list(range(1, 2 * len(stored), 2))
    for row, [said] in zip(answers[0], stored, strict=True):
        if task.type == "regression":
            assert row["score"] == float(said)
        elif "text" in row:
            assert row["text"] == said
        else:
            assert max(row["probabilities"], key=row["probabilities"].get) == row["label"]
            assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
            assert row["label"] == dict(zip(("0", "1"), task.labels, strict=True)).get(said, said)


def answered(predictor, path, form=None):
    pieces = []
    predict(predictor, str(path), pieces.extend, form=form)
    return [json.loads(line) for line in "".join(pieces).splitlines()]


def _near(one, other):
    """Whether answers agree, numbers as far as rounding lets them."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_near(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_near, one, other))
    return one == pytest.approx(other, abs=2e-3) if isinstance(one, float) else one == other


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_says_where_it_was_made(name, exports):
    for path in Path(exports[0][name]["folder"]).iterdir():
        if path.is_dir():  # what the loader was compiled to
            continue
        for place in (str(places.cache_dir()), str(Path(exports[0][name]["folder"]).parent)):
            assert place.encode() not in path.read_bytes(), path.name


def test_texts_are_answered_from_the_command_line(trained, tmp_path):
    folder, record = tmp_path / "rte", trained("bert, pooled").record
    made = hxbench("export", record.id, "--out", folder, "--store", record.root)
    assert (made.code, made.err) == (0, "")
    assert made.out == f"{folder}: rte-en of run {record.id}, a folder of transformers\n"
    good = tmp_path / "good.jsonl"
    good.write_text('{"sentence1": "the cat saw .", "sentence2": "the dog heard .", "label": "x"}\n' * 2)
    answer = hxbench("predict", folder, good)
    assert answer.code == 0, answer.err
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert [sorted(row) for row in rows] == [["label", "line", "probabilities"]] * 2
    assert set(rows[0]["probabilities"]) == {"entailment", "not_entailment"}
    of_run = hxbench("predict", record.id, good, "--store", record.root)
    assert _near([json.loads(line) for line in of_run.out.splitlines()], rows)
    out = tmp_path / "out"
    bad = tmp_path / "bad.jsonl"
    bad.write_text(good.read_text() + '{"sentence1": "a"}\n')
    for words, said in (
        ((folder, bad, "--out", out), "line 3: no sentence2; expected one object a line"),
        ((folder, good, "--format", "tsv"), "unknown output format 'tsv'. Known: jsonl."),
        ((folder, good, "--input", "conllu"), "unknown input format 'conllu'"),
        ((folder, good, "--task", "sst2"), "is an export for rte-en alone, not for sst2-"),
        ((record.id, good, "--language", "is", "--store", record.root), "rte is in English"),
        ((record.id, good, "--task", "sst2", "--store", record.root), "has no head for 'sst2'"),
    ):
        answer = hxbench("predict", *words)
        assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
        assert said in answer.err
    assert not out.exists()


def test_what_has_no_form_is_refused_with_the_reason(trained, tmp_path):
    for method, said in (
        ("hyperdecoder", r"\(hyperdecoder\) cannot be exported: its adapters depend on the text"),
        ("prompt", r"\(prompt\) cannot be exported: it has no adapters, and no form that peft has"),
    ):
        with pytest.raises(InputError, match=said):
            export(trained(method).record, task="rte", language=None, out=tmp_path / "out")
        assert list(tmp_path.iterdir()) == []

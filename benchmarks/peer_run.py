"""One training of one suite, timed from within: what `peers.py` starts in the environment of each.

    python peer_run.py JOB.json

Prints a line of JSON: when the first update was done, tokens a second of those that are not warm-up, and the most
memory the process had. Tokens are real ones, counted where batches are made: padding is left out. Each suite runs
by its own trainer as its documentation has it; `form` is "plain" as in its examples (every text padded to the
maximum) or "best" (padded within the batch, texts of a length together, fused AdamW). Nothing here is newer than
Python 3.7, as the published Hyper-X is of that time.
"""

import contextlib
import json
import os
import resource
import sys
import tempfile
import time


class Meter:
    """When each update was done, and how many tokens each batch had."""

    def __init__(self, job):
        self.job, self.stamps, self.tokens = job, [], []
        # of the processor: what all threads took since the process began
        self.clock = time.process_time if job["clock"] == "cpu" else lambda: time.time() - job["started"]

    def saw(self, tokens):
        """Note a batch that was made, in the order of the updates."""
        self.tokens.append(int(tokens))

    def updated(self):
        """Note an update."""
        import torch

        if torch.cuda.is_available() and len(self.stamps) + 1 in (1, self.job["warmup"], self.job["updates"]):
            torch.cuda.synchronize()
        self.stamps.append(self.clock())

    def result(self):
        """Return what the benchmark compares."""
        import torch

        first, last = self.job["warmup"], self.job["updates"]
        gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
        return {
            "first": self.stamps[0],
            "tokens_a_second": sum(self.tokens[first:last]) / (self.stamps[last - 1] - self.stamps[first - 1]),
            "memory": gpu or 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            "tokens_an_update": sum(self.tokens[first:last]) / (last - first),
            "torch": torch.__version__,
        }


class Trained(Exception):  # noqa: N818 - what was wanted
    """Enough updates were made; scoring is not timed."""


def hxbench(job, meter):
    """This package, from its recipe, as `hxbench train` does it; `prepare` makes what the run is built on."""
    from pathlib import Path

    from hxbench.data.feed import Feed
    from hxbench.runs.inputs import DataSource
    from hxbench.runs.session import Session
    from hxbench.spec import recipe

    updates = job["updates"]
    changes = {
        "training.updates": updates, "training.evaluate_every": updates, "training.warmup": 0,
        "training.batch_size": job["batch_size"], "training.cpu_threads": job["threads"],
        "training.precision": "bf16" if job["bf16"] else "fp32", "data.max_length": job["max_length"],
        # texts of a whole pass sorted together, and on a CPU padded to the longest alone, as the best forms do
        "training.bucket": 1000, "training.pad_to": 1 if job["device"] == "cpu" else 8,
    }  # fmt: skip
    spec = recipe.resolve(
        job["method"], setting="single", task=job["task"], profile="paper", backbone_name=job["model"],
        origin="mirror", assignments=[f"{k}={v}" for k, v in changes.items()] + job["changes"],
    )  # fmt: skip
    session = Session(DataSource("mirror", Path(job["data"])), Path(job["store"]))
    run_id = session.add(spec).run_id
    for one in session.todo():
        if one.run_id != run_id:
            one.job.execute(lambda *_: None)
    if job.get("prepare"):
        return
    make = Feed.__call__

    def counted(self, step):
        batch = make(self, step)
        meter.saw(batch.tokens)
        return batch

    Feed.__call__ = counted

    def tell(what, step, total):
        if step > len(meter.stamps) and total == updates:
            meter.updated()
        if len(meter.stamps) == updates:
            raise Trained

    with contextlib.suppress(Trained):
        session.planned[run_id].job.execute(tell)


def rows_of(job, tokenizer):
    """Return the training rows as the suites' examples encode them, padded to the maximum in the plain form."""
    with open(job["rows"], encoding="utf-8") as file:
        rows = json.load(file)
    how = {"truncation": True, "max_length": job["max_length"]}
    how["padding"] = "max_length" if job["form"] == "plain" else False
    if job["task"] == "sst2":
        return [dict(tokenizer(text, **how), labels=label) for text, label in rows]
    made = []
    for words, tags in rows:
        row = tokenizer(words, is_split_into_words=True, **how)
        ids = row.word_ids()
        firsts = [i is not None and (at == 0 or ids[at - 1] != i) for at, i in enumerate(ids)]
        made.append(dict(row, labels=[tags[i] if first else -100 for i, first in zip(ids, firsts)]))  # noqa: B905
    return made


def counting(collate, meter):
    """Return a collator that counts the real tokens of its batches."""

    def counted(rows):
        batch = collate(rows)
        meter.saw(batch["attention_mask"].sum())
        return batch

    return counted


def trained(trainer_class, model, tokenizer, job, meter, folder):
    """Train with a suite's `Trainer` on the rows of the job."""
    import transformers

    class Stamp(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **others):
            meter.updated()

    best = job["form"] == "best"
    grouped = {}
    if best and "train_sampling_strategy" in transformers.TrainingArguments.__dataclass_fields__:
        grouped = {"train_sampling_strategy": "group_by_length"}
    elif best:
        grouped = {"group_by_length": True}
    kind = "DataCollatorWithPadding" if job["task"] == "sst2" else "DataCollatorForTokenClassification"
    # tensor cores want lengths of a multiple; on a CPU the least padding is the fastest
    to = {"pad_to_multiple_of": 8} if best and job["device"] != "cpu" else {}
    arguments = transformers.TrainingArguments(
        output_dir=folder, max_steps=job["updates"], per_device_train_batch_size=job["batch_size"],
        learning_rate=1e-4, bf16=job["bf16"], use_cpu=job["device"] == "cpu", report_to=[], save_strategy="no",
        disable_tqdm=True, optim="adamw_torch_fused" if best else "adamw_torch", **grouped,
    )  # fmt: skip
    trainer_class(
        model=model, args=arguments, train_dataset=rows_of(job, tokenizer), callbacks=[Stamp()],
        data_collator=counting(getattr(transformers, kind)(tokenizer, **to), meter),
    ).train()  # fmt: skip


def peft(job, meter):
    """Transformers' `Trainer` with LoRA of `peft`, as their examples of classification run it."""
    import transformers
    from peft import LoraConfig, get_peft_model

    tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])
    kind, labels, head = "SEQ_CLS", 2, transformers.AutoModelForSequenceClassification
    if job["task"] == "pos":
        kind, labels, head = "TOKEN_CLS", job["labels"], transformers.AutoModelForTokenClassification
    model = head.from_pretrained(job["model"], num_labels=labels)
    lora = LoraConfig(task_type=kind, r=8, lora_alpha=16, lora_dropout=0.0, target_modules=["query", "value"])
    with tempfile.TemporaryDirectory() as folder:
        trained(transformers.Trainer, get_peft_model(model, lora), tokenizer, job, meter, folder)


def adapters(job, meter):
    """AdapterHub's library with MAD-X's stack: a task adapter on a frozen language adapter."""
    import transformers
    from adapters import AdapterTrainer, AutoAdapterModel, SeqBnConfig
    from adapters.composition import Stack

    tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])
    model = AutoAdapterModel.from_pretrained(job["model"])
    for name, size in (("language", 256), ("task", 48)):  # those of MAD-X in our recipe
        model.add_adapter(name, config=SeqBnConfig(reduction_factor=model.config.hidden_size / size))
    model.add_tagging_head("task", num_labels=job["labels"])
    model.train_adapter("task")
    model.set_active_adapters(Stack("language", "task"))
    with tempfile.TemporaryDirectory() as folder:
        trained(AdapterTrainer, model, tokenizer, job, meter, folder)


def published(job, meter):
    """The published Hyper-X from its own folder, nothing of it changed: its setup, features, model and trainer."""
    sys.path.insert(0, job["hyperx"])
    os.chdir(job["hyperx"])  # it imports by place
    import re

    import transformers
    from datasets import Dataset

    class Stamp(transformers.TrainerCallback):
        def on_step_end(self, args, state, control, **others):
            meter.updated()

    with tempfile.TemporaryDirectory() as folder:
        # its models are read from a checkpoint of its own time: random weights of the same shape
        config = transformers.BertConfig.from_pretrained(job["model"])
        transformers.BertModel(config).save_pretrained(folder)
        transformers.BertTokenizerFast.from_pretrained(job["model"]).save_pretrained(folder)
        sys.argv = (
            f"train.py --model_name_or_path {folder} --output_dir {folder} --tasks pos --languages en "
            "--train_task_language_pairs pos#en --eval_task_language_pairs pos#en --condition_to_layer_id "
            "--project_source_embeddings --projected_source_embedding_dim 192 --adapter_dim 256 "
            f"--max_train_steps {job['updates']} --per_device_train_batch_size {job['batch_size']}"
        ).split()
        from arguments import parse_train_args
        from src.hyperx.hyperx_trainer import HyperxTrainer
        from src.hyperx.setup import HyperxSetup

        args = parse_train_args()
        setup = HyperxSetup(args)
        model = setup.setup_model()
        with open(job["rows"], encoding="utf-8") as file:
            words, tags = zip(*json.load(file))  # noqa: B905
        rows = Dataset.from_dict({"tokens": list(words), "upos": list(tags)})
        rows = rows.map(setup.convert_func_dict["pos"], batched=True, remove_columns=rows.column_names)
        rows.set_format(type="torch", columns=setup.columns_dict["pos"])
        for name, parameter in model.encoder.named_parameters():
            parameter.requires_grad = re.search(r"^(?!.*(hypernet|LayerNorm)).*", name) is None
        HyperxTrainer(
            model=model, hyperx_args=args, train_dataset={("pos", "en"): rows}, eval_dataset={},
            args=transformers.TrainingArguments(
                output_dir=folder, learning_rate=args.learning_rate, max_steps=job["updates"],
                per_device_train_batch_size=job["batch_size"], no_cuda=job["device"] == "cpu", save_steps=10**6,
                warmup_steps=args.warmup_steps, lr_scheduler_type=args.lr_scheduler_type, disable_tqdm=True,
            ),
            data_collator=counting(setup.data_collator, meter), temperature=args.temperature,
            sampling_strategy=args.sampling_strategy, evaluater=setup.hpx_eval, callbacks=[Stamp()],
        ).train()  # fmt: skip


SUITES = {one.__name__: one for one in (hxbench, peft, adapters, published)}

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as given:
        the_job = json.load(given)
    import torch

    torch.set_num_threads(the_job["threads"])
    the_meter = Meter(the_job)
    SUITES[the_job["suite"]](the_job, the_meter)
    if not the_job.get("prepare"):
        print(json.dumps(the_meter.result()))

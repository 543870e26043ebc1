"""`hxbench train`: one method in one setting."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hxbench.cli import options

if TYPE_CHECKING:
    from hxbench.launch.local import Outcome
    from hxbench.stages.session import Job


def train_command(
    method: Annotated[
        str, typer.Argument(help="A method recipe (hxbench list methods) or a YAML file of your own.")
    ],
    setting: Annotated[str, typer.Option(help="single, multi or mixed.")] = "mixed",
    task: Annotated[
        str | None, typer.Option(help="ner or pos; single setting only; default: both, one run each.")
    ] = None,
    partition: Annotated[
        str | None,
        typer.Option(
            help="a, b, a-switched, b-switched, or switched for these two; mixed only; default: a and b."
        ),
    ] = None,
    seed: Annotated[
        list[int] | None, typer.Option(help="May be given several times; default: the profile's first.")
    ] = None,
    profile: options.Profile = "demo",
    data_source: options.DataSource = None,
    backbone: options.BackboneName = None,
    random_body: options.RandomBody = False,
    variant: options.Variant = "paper",
    assign: options.Assign = None,
    workers: Annotated[int, typer.Option(min=0, help="Runs at a time; 0: as many as the cores carry.")] = 0,
    checkpoint_every: Annotated[
        int | None, typer.Option(min=1, help="Updates between checkpoints; default: at every evaluation.")
    ] = None,
    offline: options.Offline = False,
    store: options.StoreDir = None,
    as_json: options.Json = False,
) -> None:
    """Train a method and score it on every language; what is in the store already is not run again."""
    from hxbench import places, recipe
    from hxbench.errors import RunError
    from hxbench.stages.assemble import with_options
    from hxbench.stages.inputs import DataSource
    from hxbench.stages.session import Job
    from hxbench.store import Store

    scale: recipe.ProfileRecipe = recipe.load("profiles", profile)
    source = DataSource.choose(data_source, profile, scale.data.get("origin", "sandbox"))
    specs = recipe.expand(
        method, setting=setting, task=task, partition=partition, seeds=list(seed) if seed else (None,),
        profile=profile, variant=variant, backbone_name=backbone,
        backbone_weights="random" if random_body else "pretrained", origin=source.kind, assignments=assign or (),
    )  # fmt: skip
    root = places.store_dir(store)
    # options are checked before anything is fetched or written
    jobs = [Job(with_options(spec), source, root, offline, checkpoint_every) for spec in specs]
    jobs, resolved = _prepare_inputs(jobs)
    todo = [job for job, run_id in zip(jobs, resolved, strict=True) if not Store(root).is_complete(run_id)]
    for job, run_id in zip(jobs, resolved, strict=True):
        if job not in todo:
            print(f"{job.spec.title}: in the store already, run {run_id}", file=sys.stderr)
    outcomes = _run(todo, workers)
    failed = [(job, o) for job, o in zip(todo, outcomes, strict=False) if o.state != "done"]
    done = [run_id for run_id in resolved if Store(root).is_complete(run_id)]
    if done:
        _show(root, done, as_json)
    for job, outcome in failed:
        print(f"hxbench: {job.spec.title}: {outcome.message}", file=sys.stderr)
    stopped = [o.signal for _, o in failed if o.state == "interrupted"]
    if stopped or len(outcomes) < len(todo):
        print("hxbench: to go on where it stopped, give the same command again.", file=sys.stderr)
        raise typer.Exit(128 + max(stopped, default=2))
    if any(o.state == "input" for _, o in failed):
        raise typer.Exit(2)
    if failed:
        raise RunError(f"{len(failed)} of {len(jobs)} runs failed.")


def _prepare_inputs(jobs: "list[Job]") -> "tuple[list[Job], list[str]]":
    """Make what all runs share before any starts; return the jobs on one settled backbone, and their run ids."""
    from dataclasses import replace

    from hxbench.cli.progress import progress
    from hxbench.errors import InputError
    from hxbench.settings import TASKS
    from hxbench.stages import backbone, prepare

    spec, source = jobs[0].spec, jobs[0].source
    corpora = source.corpora(spec.data, offline=jobs[0].offline)
    with progress() as tell:
        prepare.fetch([*TASKS, "mlm"], corpora, lambda *told: tell(None, *told))
        body = spec.backbone.model_copy(update={"fingerprint": backbone.fingerprint(spec.backbone, corpora)})
        jobs = [replace(job, spec=job.spec.model_copy(update={"backbone": body})) for job in jobs]
        resolved = [job.resolve() for job in jobs]
        if _in_torchrun() and not backbone.is_ready(body):
            raise InputError("the backbone is not made yet: run hxbench prepare first, in a process of its own.")
        prepare.make_backbone(body, corpora, lambda *told: tell(None, *told))
    if missing := dict.fromkeys(pair for _, plan in resolved for pair in plan.missing):
        print(f"Not in this data source, left out: {', '.join(map(str, missing))}.", file=sys.stderr)
    return jobs, [spec.run_id for spec, _ in resolved]


def _in_torchrun() -> bool:
    """Return whether other processes work on each run together with this one."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def _run(jobs: "list[Job]", workers: int) -> "list[Outcome]":
    from hxbench.cli.progress import progress
    from hxbench.launch.local import run_jobs

    if not jobs:
        return []
    threads = jobs[0].spec.training.cpu_threads
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = 1 if _in_torchrun() else workers or max(1, cores // threads if threads else 1)
    with progress(quiet=int(os.environ.get("RANK", "0")) > 0) as tell:
        return run_jobs(jobs, workers, tell)


def _show(root: Path, run_ids: list[str], as_json: bool) -> None:
    """Print what the runs scored: the mean over the languages they were not trained on."""
    from hxbench.cli.rows import print_rows
    from hxbench.languages import find_language
    from hxbench.store import Store

    if int(os.environ.get("RANK", "0")) > 0:
        return
    rows = []
    for run_id in run_ids:
        record = Store(root).get(run_id)
        tests = [m for m in record.metrics() if m["split"] == "test"]
        row: dict[str, Any] = {"run": run_id, "title": record.title}
        for task in ("ner", "pos"):
            for group in ("seen", "unseen"):
                scores = [
                    m["value"]
                    for m in tests
                    if m["task"] == task and m["role"] == "target" and find_language(m["language"]).group == group
                ]
                row[f"{task} {group}"] = sum(scores) / len(scores) if scores else None
        row["words cut"] = sum(m["words_cut"] for m in tests)
        rows.append({**row, "seconds": record.status.get("wall_seconds")})
    if not as_json:
        print("Zero-shot scores, mean over the languages each run was not trained on:\n")
    print_rows(rows, as_json)

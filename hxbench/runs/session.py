"""One run as a worker process is given it, and everything a set of runs needs, in the order of their needs."""

import json
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from hxbench.data import Corpora
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import START
from hxbench.printing import grouped
from hxbench.runs import backbone
from hxbench.runs.assemble import with_options
from hxbench.runs.data_check import remarks_on
from hxbench.runs.inputs import DataSource, resolve_inputs
from hxbench.runs.plan import Plan
from hxbench.runs.prepare import Report, make_backbone, sweep_cache
from hxbench.spec.backbone import BackboneSpec
from hxbench.spec.run_spec import DataSpec, RunSpec
from hxbench.spec.settings import Pair
from hxbench.store import Store


@dataclass(frozen=True)
class Job:
    """A resolved run to do: everything a process needs to know, small enough to send to one."""

    spec: RunSpec
    source: DataSource
    store: Path
    offline: bool = False
    checkpoint_every: int | None = None
    keep_weights: bool = True
    track: str = ""  # the tracker that follows it

    def execute(self, report: Report) -> Path:
        """Do the run, preparing whatever it lacks; return its folder in the store."""
        from hxbench.runs.train import run

        corpora = self.source.corpora(self.spec.data, offline=self.offline)
        spec, plan = resolve_inputs(self.spec, corpora)
        make_backbone(spec.backbone, corpora, report)
        return run(
            spec, plan, corpora, Store(self.store), offline=self.offline, checkpoint_every=self.checkpoint_every,
            keep_weights=self.keep_weights, source=self.source.title, track=self.track,
            report=lambda step, updates, _loss: report(spec.title, step, updates),
        )  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """A run among others: the runs that must be finished before it, and whether it is finished itself."""

    run_id: str
    job: Job
    plan: Plan
    needs: tuple[str, ...]
    done: bool

    @property
    def bundle(self) -> str:
        """Runs of one bundle are small and alike: they share a process. Empty for a process of its own."""
        spec = self.job.spec
        if spec.few_shot:
            return spec.after.get(START, self.bundle_title)
        # on a tiny backbone a model of one task is done in seconds
        small = spec.setting == "single" and spec.answers_texts and spec.backbone.pretrain
        return self.bundle_title if small else ""

    @property
    def bundle_title(self) -> str:
        """What a person calls the runs of a bundle."""
        spec = self.job.spec
        if spec.few_shot:
            part = " ".join(word for word in (spec.suite, *spec.together, spec.partition, spec.task) if word)
            return f"few-shot: {spec.method} {spec.setting} {part} seed {spec.seed} ({spec.profile})"
        some = spec.data.train_examples or spec.data.train_share or "all"
        return f"{spec.method} single on {spec.backbone.name}, {some} examples, seed {spec.seed} ({spec.profile})"


class Session:
    """Resolves specs against one data source and one store, opening and asking for everything once.

    `planned` are the runs in an order in which each comes after those it needs.
    """

    reads_data = True

    def __init__(
        self,
        source: DataSource,
        store: Path,
        *,
        offline: bool = False,
        checkpoint_every: int | None = None,
        track: str = "",
    ) -> None:
        self.source, self.store = source, Store(store)
        self.offline, self.checkpoint_every, self.track = offline, checkpoint_every, track
        self.planned: dict[str, Planned] = {}
        self._corpora: dict[str, Corpora] = {}
        self._backbones: dict[str, BackboneSpec] = {}
        self._resolved: dict[tuple[str, str], Planned] = {}  # by the ids of the unresolved specs
        self._by_id: dict[str, Planned] = {}

    def corpora(self, data: DataSpec) -> Corpora:
        """Return the corpora as a spec wants them read."""
        key = data.model_copy(update={"fingerprint": ""}).model_dump_json()
        if key not in self._corpora:
            self._corpora[key] = self.source.corpora(data, offline=self.offline)
        return self._corpora[key]

    def backbone(self, spec: BackboneSpec, corpora: Corpora) -> BackboneSpec:
        """Return the spec with its fingerprint, which is settled once: a hub's branch may move meanwhile."""
        key = json.dumps(spec.model_dump(mode="json"), sort_keys=True)
        if key not in self._backbones:
            fingerprint = backbone.fingerprint(spec, corpora)
            self._backbones[key] = spec.model_copy(update={"fingerprint": fingerprint})
        return self._backbones[key]

    def resolve(self, spec: RunSpec, start: RunSpec | None = None, *, keep_weights: bool = True) -> Planned:
        """Return a run with its options and fingerprints complete; what it needs is resolved with it."""
        key = spec.run_id, start.run_id if start else ""
        if key not in self._resolved:
            one = self._resolved[key] = self._resolve(spec, start, keep_weights)
            self._by_id[one.run_id] = one
        return self._resolved[key]

    def _resolve(self, spec: RunSpec, start: RunSpec | None, keep_weights: bool) -> Planned:
        spec = with_options(spec)
        spec.require_meaning(spec.title)
        corpora = self.corpora(spec.data)
        spec = spec.model_copy(update={"backbone": self.backbone(spec.backbone, corpora)})
        texts = [code for code in corpora.languages if corpora.splits("mlm", code)]
        needed = {role: self.resolve(other) for role, other in method_class(spec.kind).needs(spec, texts).items()}
        if start is not None:
            needed[START] = self.resolve(start)
        if shot := spec.few_shot:
            pair = Pair(shot.task, shot.language)
            for one in needed.values():
                if pair in one.plan.train:
                    earlier = one.job.spec.title
                    raise InputError(f"{spec.title}: {earlier}, which it builds on, was trained on all of {pair}.")
        after = {role: one.run_id for role, one in needed.items()}
        spec, plan = resolve_inputs(spec.model_copy(update={"after": after}), corpora)
        run_id = spec.run_id
        self.store.require_whole(run_id)
        job = Job(
            spec, self.source, self.store.root, self.offline, self.checkpoint_every, keep_weights, self.track
        )
        return Planned(run_id, job, plan, tuple(dict.fromkeys(after.values())), self.store.is_complete(run_id))

    def add(self, spec: RunSpec, start: RunSpec | None = None, *, keep_weights: bool = True) -> Planned:
        """Resolve a run and plan it."""
        one = self.resolve(spec, start, keep_weights=keep_weights)
        self.plan(one)
        return one

    def plan(self, one: Planned) -> None:
        """Plan a resolved run and, unless it is in the store already, whatever it needs before it."""
        if one.run_id in self.planned:
            return
        if not one.done:
            for run_id in one.needs:
                self.plan(self._by_id[run_id])
                if self._by_id[run_id].done:
                    self.store.checkpoint(run_id)  # a run may have been copied here without its weights
        self.planned[one.run_id] = one

    def todo(self) -> list[Planned]:
        """Return the planned runs that the store lacks."""
        return [one for one in self.planned.values() if not one.done]

    def make_backbones(self, report: Report) -> None:
        """Make or fetch the backbones of the runs to do, before any of them starts."""
        sweep_cache()
        for one in {p.job.spec.backbone.fingerprint: p for p in self.todo()}.values():
            make_backbone(one.job.spec.backbone, self.corpora(one.job.spec.data), report)

    def heads_to_draw(self) -> list[str]:
        """Return a sentence for every backbone of the runs to do that lacks the language-modelling head they use.

        The backbones have to be here.
        """
        specs = [p.job.spec for p in self.todo() if p.plan.mlm]
        found = {s.backbone.fingerprint: s.backbone for s in specs if not s.answers_texts}
        return [
            f"Backbone {one.name} comes without a language-modelling head: each run draws one from its seed."
            for one in found.values()
            if backbone.lacks_mlm_head(one, offline=self.offline)
        ]

    def notes(self) -> list[str]:
        """Return what the runs to do leave out or do not read, one sentence each."""
        plans = [one.plan for one in self.todo()]
        missing = dict.fromkeys(pair for plan in plans for pair in plan.missing)
        lacking = grouped((pair.task, pair) for pair in missing)
        said = [f"Not in this data source, left out: {lacking}."] if missing else []
        said += dict.fromkeys(note for plan in plans for note in plan.notes)
        said += filter(None, dict.fromkeys(one.unread() for one in self._corpora.values()) if plans else ())
        if self.source.own and plans:
            data = self.todo()[0].job.spec.data
            read = {(task, code) for plan in plans for task, code, _ in plan.used()}
            reads_text = any(plan.mlm for plan in plans)
            said += remarks_on(self.corpora(data), self.source.own.described, read, reads_text=reads_text)
        return [*said, *self.cut_short()]

    def cut_short(self) -> list[str]:
        """Return a sentence on each method whose training ends before its warm-up does."""
        short: dict[tuple[str, int, int], None] = {}
        for one in self.todo():
            updates, warmup = self._updates(one), one.job.spec.training.warmup
            if updates is not None and updates < warmup:
                short[one.job.spec.method, warmup, updates] = None
        return [
            f"{method}: the warm-up of {warmup:,} updates is longer than the training of {updates:,}, which never "
            f"reaches its rate; a tenth of it is training.warmup={updates // 10}."
            for method, warmup, updates in short
        ]

    def _updates(self, one: Planned) -> int | None:
        """Return the updates of a run; None of one in epochs, where no data tell how many an epoch has."""
        spec, training = one.job.spec, one.job.spec.training
        if training.updates is not None or not self.reads_data:
            return training.updates
        corpora, shot = self.corpora(spec.data), spec.few_shot
        sizes = [shot.k if shot else corpora.size(*pair, split) for pair, split in one.plan.train.items()]
        return ceil((training.epochs or 0) * sum(ceil(size / training.batch_size) for size in sizes))

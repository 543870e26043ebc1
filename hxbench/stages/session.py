"""One run from an unresolved spec: inputs, backbone, training. What a worker process is given to do."""

from dataclasses import dataclass
from pathlib import Path

from hxbench.methods import method_class
from hxbench.spec import RunSpec
from hxbench.stages.assemble import with_options
from hxbench.stages.inputs import DataSource, resolve_inputs
from hxbench.stages.plan import Plan
from hxbench.stages.prepare import Report, make_backbone
from hxbench.store import Store


@dataclass(frozen=True)
class Job:
    """A run to do: everything a process needs to know, small enough to send to one."""

    spec: RunSpec
    source: DataSource
    store: Path
    offline: bool = False
    checkpoint_every: int | None = None

    def resolve(self) -> tuple[RunSpec, Plan]:
        """Return the spec with options and fingerprints complete, and the plan."""
        spec = with_options(self.spec)
        corpora = self.source.corpora(spec.data, offline=self.offline)
        return resolve_inputs(spec, corpora, uses_mlm=method_class(spec.kind).uses_mlm)

    def execute(self, report: Report) -> Path:
        """Do the run, preparing whatever it lacks; return its folder in the store."""
        from hxbench.stages.train import run

        spec, plan = self.resolve()
        corpora = self.source.corpora(spec.data, offline=self.offline)
        make_backbone(spec.backbone, corpora, report)
        return run(
            spec,
            plan,
            corpora,
            Store(self.store),
            offline=self.offline,
            checkpoint_every=self.checkpoint_every,
            source=self.source.title,
            report=lambda step, updates, _loss: report(spec.title, step, updates),
        )

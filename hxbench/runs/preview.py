"""The runs of a plan without data, weights or a network: by their specs alone."""

import json
from collections import defaultdict
from functools import cached_property

from hxbench import network
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.methods.method import START
from hxbench.printing import sentence
from hxbench.runs.assemble import with_options
from hxbench.runs.execute import read_by
from hxbench.runs.plan import Plan
from hxbench.runs.session import Job, Planned, Session
from hxbench.spec.languages import languages_for
from hxbench.spec.run_spec import RunSpec, canonical, id_of
from hxbench.store import RunRecord


def _digits_of(spec: RunSpec) -> str:
    """Return twelve digits of what a spec says before anything is read: no fingerprints, no ids of other runs."""
    fields = spec.model_dump(mode="json", exclude={"after"})
    for part in ("data", "backbone"):
        fields[part].pop("fingerprint", None)
    return id_of(canonical(fields))


class Preview(Session):
    """A session that reads no data: it knows nothing of lacking corpora, and finds finished runs by their specs.

    Runs that are not done have in the place of an id twelve digits that only tell them apart.
    """

    reads_data = False

    @cached_property
    def records(self) -> list[RunRecord]:
        """The finished runs of the store."""
        return self.store.runs()

    @cached_property
    def _done(self) -> tuple[dict[str, list[RunRecord]], dict[str, str]]:
        """The finished runs by what their specs say, and that by their ids."""
        by_spec, by_id = defaultdict(list), {}
        for record in self.records:
            if isinstance(record.spec, RunSpec):
                by_id[record.id] = _digits_of(record.spec)
                by_spec[by_id[record.id]].append(record)
        return by_spec, by_id

    def lacking(self) -> list[str]:
        """Return which data of the runs to do are not on this machine, for a session that is offline."""
        assert network.offline(self.offline), "else they would be fetched"
        source = self.source
        shipped = source.own is None or source.own.described.extends
        if source.kind == "mirror" and source.folder is None and shipped:
            return [
                "The data are in a local mirror, and its folder is not known here: --data-source DIR names it."
            ]
        if source.kind != "hub" and source.own is None:  # else all of it is in a folder
            return []
        said = []
        for corpora, tasks in read_by(self, (one.job.spec for one in self.todo())):
            try:
                corpora.fetch((task, code) for task in tasks for code in corpora.languages)
            except InputError as error:
                said.append(sentence(str(error)))
        return said

    def _resolve(self, spec: RunSpec, start: RunSpec | None, keep_weights: bool) -> Planned:
        spec = with_options(spec)
        spec.require_meaning(spec.title)
        texts = list(languages_for(spec.data.origin, spec.data.described))
        needed = {role: self.resolve(other) for role, other in method_class(spec.kind).needs(spec, texts).items()}
        if start is not None:
            needed[START] = self.resolve(start)
        own = _digits_of(spec)
        found = self._found(own, needed)
        run_id = found.id if found else id_of(json.dumps([own, {r: one.run_id for r, one in needed.items()}]))
        job = Job(
            spec, self.source, self.store.root, self.offline, self.checkpoint_every, keep_weights, self.track
        )
        needs = tuple(dict.fromkeys(one.run_id for one in needed.values()))
        return Planned(run_id, job, Plan({}), needs, found is not None)

    def _found(self, own: str, needed: dict[str, Planned]) -> RunRecord | None:
        """Return the finished run of a spec, built on runs with the specs of the `needed` as far as known."""
        by_spec, by_id = self._done
        for record in by_spec.get(own, ()):
            assert isinstance(record.spec, RunSpec)
            digits = {role: by_id.get(run_id) for role, run_id in record.spec.after.items() if role in needed}
            if all(some in (None, _digits_of(needed[role].job.spec)) for role, some in digits.items()):
                return record
        return None

"""Which data source a command reads, and the spec of a run with the fingerprints of its inputs."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hxbench import places
from hxbench.data import Corpora, Origin
from hxbench.data.mirror import require_folder
from hxbench.data.remembered import key_of, remember, remembered
from hxbench.errors import InputError
from hxbench.methods import method_class
from hxbench.printing import LONGEST_WORD, shortened
from hxbench.runs import backbone
from hxbench.runs.plan import Plan, fingerprinted, plan_run
from hxbench.spec import recipe
from hxbench.spec.run_spec import DataSpec, RunSpec
from hxbench.tasks.data_file import read_data_file
from hxbench.tasks.description import Described, OwnData


@dataclass(frozen=True)
class DataSource:
    """What `--data-source` says: `sandbox`, `hub`, or the folder of a local mirror."""

    kind: str
    folder: Path | None = None
    own: OwnData | None = None  # a user's, beside what ships or in its place

    @property
    def title(self) -> str:
        """What provenance says of it: where files lie is the business of their machine alone."""
        shipped = f"mirror {self.folder.name}" if self.folder else self.kind
        if self.own is None:
            return shipped
        return (
            f"{self.own.described.title} and {shipped}" if self.own.described.extends else self.own.described.title
        )

    @classmethod
    def choose(
        cls,
        given: str | None,
        profile: str,
        default: str,
        collection: str = "multilingual",
        *,
        is_read: bool = True,
    ) -> "DataSource":
        """Return the source: the option, else `HXBENCH_DATA`, else what `prepare` used, else the profile's own.

        A mirror that is not read may be nowhere, unless it is named.
        """
        text = given or os.environ.get("HXBENCH_DATA") or None
        named_by = "--data-source" if given else "HXBENCH_DATA"
        if text is None and default == "mirror":
            if not is_read:
                return cls("mirror")
            text, named_by = remembered().get(key_of(profile, collection)), ""
            if text is None:
                raise InputError(
                    f"profile {profile} reads a local mirror: name its folder with --data-source DIR "
                    "(or HXBENCH_DATA), or use --data-source hub to download the public releases."
                )
        text = text or default
        if text in ("sandbox", "hub"):
            return cls(text)
        folder = places.expanded(text, named_by) if named_by else Path(text)
        if not os.path.lexists(folder):
            if named_by:
                given = shortened(text, LONGEST_WORD)
                raise InputError(f"{named_by} {given}: there is no such folder (or write sandbox or hub).")
            raise InputError(
                f"the data of profile {profile} were in {text}, which is no folder any more: name where they "
                "are now with --data-source DIR; hxbench prepare remembers it."
            )
        require_folder(folder, "the folder of a mirror")
        return cls("mirror", folder.resolve())

    @classmethod
    def of(cls, given: str | None, profile: str, data: Mapping[str, Any], *, is_read: bool = True) -> "DataSource":
        """Return the source (see `choose`) of what a profile says of its data, with the user's own beside it."""
        own, collection = recipe.own_data(profile), data.get("collection", "multilingual")
        if own and is_read:
            remember({_file_of(own.described): str(own.path.resolve())})
        return cls._with(own, given, profile, data.get("origin", "sandbox"), collection, is_read=is_read)

    @classmethod
    def of_run(cls, given: str | None, file: Path | None, spec: RunSpec) -> "DataSource":
        """Return the source of a finished run's data; its own are in `file`, else where they were last.

        Raises `InputError` for a file that describes other data.
        """
        described = spec.data.described
        if described is None:
            if file:
                raise InputError(f"--data {file}: {spec.title} was trained without data of one's own.")
            return cls.choose(given, spec.profile, spec.data.origin, spec.data.collection)
        place = file or remembered().get(_file_of(described))
        if place is None or not Path(place).is_file():
            raise InputError(f"name the file that describes {described.title} with --data FILE.")
        own = read_data_file(Path(place))
        _require_same(own, described)
        return cls._with(own, given, spec.profile, spec.data.origin, spec.data.collection)

    @classmethod
    def _with(
        cls,
        own: OwnData | None,
        given: str | None,
        profile: str,
        default: str,
        collection: str,
        *,
        is_read: bool = True,
    ) -> "DataSource":
        if own and own.described.extends is None:
            if given:
                raise InputError(
                    f"--data-source {shortened(given, LONGEST_WORD)}: {own.path.name} says itself where its files "
                    "are; with extends it adds to those of a data source."
                )
            return cls("mirror", None, own)
        return replace(cls.choose(given, profile, default, collection, is_read=is_read), own=own)

    def is_of(self, data: Mapping[str, Any]) -> bool:
        """Return whether the source has what a profile's data are: synthetic texts, or real ones from anywhere."""
        return (self.kind == "sandbox") == (data.get("origin", "sandbox") == "sandbox")

    def remember(self, profile: str, collection: str = "multilingual") -> None:
        """Let later commands of this profile find the mirror of a collection again."""
        if self.folder:
            remember({key_of(profile, collection): str(self.folder)})

    def corpora(self, data: DataSpec, *, offline: bool = False) -> Corpora:
        """Return the corpora of this source as a spec wants them read.

        Raises `InputError` for a description that is not the one of the spec.
        """
        if self.own:
            _require_same(self.own, data.described)
        origin = Origin(self.kind, self.folder, offline)  # type: ignore[arg-type]
        return Corpora(origin, data, self.own)


def _require_same(own: OwnData, described: Described | None) -> None:
    if own.described != described:
        was = described.title if described else "no data of one's own"
        raise InputError(
            f"{own.path} describes other data than those of the run ({was}): languages, tasks, sources and sides "
            "are as they were trained on, or it is another run."
        )


def _file_of(described: Described) -> str:
    """Return under what name the file of a user's own data is remembered: another one may have the same title."""
    said = described.model_dump_json(exclude_defaults=True)
    return f"described as {described.title} {hashlib.sha256(said.encode()).hexdigest()[:8]}"


def resolve_inputs(spec: RunSpec, corpora: Corpora) -> tuple[RunSpec, Plan]:
    """Return the spec with the fingerprints of data and backbone, and the plan they allow."""
    plan = plan_run(spec, corpora, method_class(spec.kind))
    update = {
        "data": fingerprinted(spec.data, plan, corpora),
        "backbone": spec.backbone.model_copy(update={"fingerprint": backbone.fingerprint(spec.backbone, corpora)}),
    }
    return spec.model_copy(update=update), plan


def plan_to_score(spec: RunSpec, run_id: str, corpora: Corpora, *, other_data: bool) -> Plan:
    """Return the plan of a finished run on what a data source holds now.

    Raises `InputError` where that gives another backbone, or other data unless `other_data` were asked for.
    """
    resolved, plan = resolve_inputs(spec, corpora)
    if resolved.backbone.fingerprint != spec.backbone.fingerprint:
        raise InputError(
            f"run {run_id} was trained on another backbone than this data source gives ({spec.backbone.name})."
        )
    if resolved.data.fingerprint != spec.data.fingerprint and not other_data:
        raise InputError(
            f"the data are not those of run {run_id} any more; to score it on these, name them "
            f"with {'--data FILE' if spec.data.described else '--data-source'}."
        )
    return plan

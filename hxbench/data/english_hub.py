"""The releases of the tasks from the Hugging Face hub, as Parquet files and never as code.

Of some repositories the commit is known; of the others none could be confirmed. The first download of one resolves
its commit, or else its branch, and lists its files, and the cache keeps to what it found, so that one cache never
mixes two commits. Where a repository has a
loading script instead of Parquet files, the hub's own conversion of it is used, which is another branch.
`HF_ENDPOINT` names another server. What is in the cache is used without asking anybody.
"""

import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench import network
from hxbench.data.digest import write_whole
from hxbench.data.hub import Item
from hxbench.data.splits import OWN_TEST, WITHOUT_DEV
from hxbench.data.transfer import Progress
from hxbench.errors import InputError
from hxbench.printing import grouped
from hxbench.system_errors import is_of_a_file
from hxbench.tasks import Task

BRANCHES = ("main", "refs/convert/parquet")
_REPOSITORIES = {
    "glue": "nyu-mll/glue",
    "superglue": "aps/super_glue",
    "scitail": "allenai/scitail",
    "xsum": "EdinburghNLP/xsum",
    "wmt16": "wmt/wmt16",
    "imdb": "stanfordnlp/imdb",
    "rotten_tomatoes": "cornell-movie-review-data/rotten_tomatoes",
    "nq_open": "google-research-datasets/nq_open",
    "samsum": "knkarthick/samsum",
    "multi_news": "alexfabbri/multi_news",
}
# of their Parquet files, as public code that uses them has it
_COMMITS = {
    "imdb": "e6281661ce1c48d982bc483cf8a173c1bbeb5d31",
    "rotten_tomatoes": "aa13bc287fa6fcab6daf52f0dfb9994269ffea28",
    "nq_open": "5dd9790a83002ad084ddeb7c420dc716852c6f28",
}
_ONE_CONFIG = ("xsum", "rotten_tomatoes", "samsum", "multi_news")
# Of SciTail the format with all 23,596 training examples: the other one lost some to its quotation marks.
_CONFIGS = {
    "wsc": "wsc.fixed",
    "scitail": "snli_format",
    "roen": "ro-en",
    "enro": "ro-en",
    "imdb": "plain_text",
    "nq": "nq_open",
}
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
_MNLI = {"train": "train", "dev": "validation_matched", "mismatched": "validation_mismatched"}


@dataclass(frozen=True)
class Pinned:
    """The commit that a cache keeps to, and the Parquet files of it."""

    revision: str
    files: tuple[str, ...]


class EnglishHub:
    """The repositories seen through a cache folder."""

    def __init__(self, folder: Path, *, offline: bool) -> None:
        self.folder = folder
        self.offline = network.offline(offline)

    def find(self, task: Task, part: str) -> tuple[Path, ...] | None:
        """Return the files of a part from the cache, or None where the cache lacks one of them."""
        repository = _REPOSITORIES[task.suite]
        if (pinned := self._pinned(repository)) is None:
            return None
        from huggingface_hub import try_to_load_from_cache

        place = self.folder / "hf"
        names = _files(pinned, task, part)
        found = [
            try_to_load_from_cache(repository, name, place, pinned.revision, repo_type="dataset") for name in names
        ]
        files = tuple(Path(path) for path in found if isinstance(path, str))
        return files if files and len(files) == len(names) else None

    def lacking(self, task: Task, parts: Iterable[str]) -> list[Item]:
        """Return what is not in the cache of these parts; nothing is asked of a server."""
        repository, items = _REPOSITORIES[task.suite], []
        pinned = self._pinned(repository)
        for part in parts:
            if self.find(task, part) is not None:
                continue
            names = _files(pinned, task, part) if pinned else []
            pattern = f"{_config(task)}/{_splits(task)[part]}*.parquet"
            items += [
                Item(repository, name, pinned.revision if pinned else _revisions(task)[0])
                for name in names or [pattern]
            ]
        return items

    def fetch(self, wanted: Iterable[tuple[Task, tuple[str, ...]]], progress: Progress | None = None) -> None:
        """Download what the parts of these tasks need and the cache lacks.

        Raises `InputError`: offline, at once and with everything that is lacking; else for a repository without
        such files and for a server that cannot be reached.
        """
        lacking = [(task, parts, items) for task, parts in wanted if (items := self.lacking(task, parts))]
        if not lacking:
            return
        if self.offline:
            named = dict.fromkeys((item.repository, str(item)) for *_, items in lacking for item in items)
            raise InputError(
                f"offline ({self.offline}), and the cache {self.folder} lacks {grouped(named)}; "
                "with a network, the same command with --data-source hub gets them."
            )
        # The client reads HF_ENDPOINT when it is imported, which may be before the user's setting was made.
        endpoint = network.endpoint("HF_ENDPOINT")
        network.require_proxy_support()
        for task, parts, _ in lacking:
            item = Item(_REPOSITORIES[task.suite], _config(task), _revisions(task)[0])
            try:
                pinned = self._resolve(task, endpoint)
                for part in parts:
                    if not _files(pinned, task, part):
                        lacks = f"{_config(task)}/{_splits(task)[part]}*.parquet"
                        raise InputError(f"{item.repository} has no {lacks} at revision {pinned.revision}.")
                for item in self.lacking(task, parts):
                    _transfer(item, self.folder / "hf", endpoint, progress)
            except InputError:
                raise
            except Exception as error:
                if is_of_a_file(error):
                    raise
                raise InputError(f"{item} {_reason(error)}.") from error

    def _resolve(self, task: Task, endpoint: str | None) -> Pinned:
        """Return the commit this cache keeps to, asking the hub the first time only."""
        repository = _REPOSITORIES[task.suite]
        if (known := self._pinned(repository)) is None:
            from huggingface_hub import HfApi
            from huggingface_hub.errors import RevisionNotFoundError

            for branch in _revisions(task):
                with contextlib.suppress(RevisionNotFoundError):
                    about = HfApi(endpoint=endpoint).dataset_info(repository, revision=branch)
                    names = sorted(entry.rfilename for entry in about.siblings or ())
                    if files := [name for name in names if name.endswith(".parquet")]:
                        break
            else:
                places = _revisions(task)
                looked = f"on its branches {' and '.join(places)}" if len(places) > 1 else f"at {places[0]}"
                raise InputError(f"{repository} has no Parquet file {looked}.")
            note = {"revision": about.sha, "files": files}
            write_whole(self._note(repository), json.dumps(note, indent=1).encode())
            known = self._pinned(repository)
        assert known is not None
        return known

    def _pinned(self, repository: str) -> Pinned | None:
        note = self._note(repository)
        if not note.exists():
            return None
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a damaged one is written anew
            known = json.loads(note.read_text(encoding="utf-8"))
            return Pinned(str(known["revision"]), tuple(map(str, known["files"])))
        return None

    def _note(self, repository: str) -> Path:
        return self.folder / f"{repository.replace('/', '--')}.json"


def parts_of(task: Task) -> tuple[str, ...]:
    """Return the parts of a task's release that have labels."""
    if task.name == "mnli":
        return tuple(_MNLI)
    if task.name in WITHOUT_DEV:
        return "train", "test"
    return tuple(_SPLITS) if task.name in OWN_TEST else ("train", "dev")


def _revisions(task: Task) -> tuple[str, ...]:
    """Return where the files of a task are looked for, the first place first."""
    return (_COMMITS[task.suite],) if task.suite in _COMMITS else BRANCHES


def _splits(task: Task) -> dict[str, str]:
    return _MNLI if task.name == "mnli" else _SPLITS


def _config(task: Task) -> str:
    return _CONFIGS.get(task.name, task.name)


def _files(pinned: Pinned, task: Task, part: str) -> list[str]:
    """Return the files of a part, in order, by the forms of name that the hub's own tools give them.

    A repository with one configuration calls its folder `data` or `default`, or has none.
    """
    one = task.suite in _ONE_CONFIG
    folders = [_config(task), *(("data", "default") if one else ())]
    folder, split = "|".join(map(re.escape, folders)), re.escape(_splits(task)[part])
    form = re.compile(
        rf"(({folder})/){'?' if one else ''}({split}-\d+-of-\d+(-[0-9a-f]+)?|{split}/\d+|{split})\.parquet"
    )
    return [name for name in pinned.files if form.fullmatch(name)]


def _reason(error: Exception) -> str:
    """Return why a file did not come: it is not there, or the hub could not be asked."""
    from huggingface_hub import errors as known

    absent = (known.EntryNotFoundError, known.RepositoryNotFoundError, known.RevisionNotFoundError)
    # The local one is an absent entry by its class, but says that the hub could not be asked.
    if isinstance(error, absent) and not isinstance(error, known.LocalEntryNotFoundError):
        return "does not exist on the hub"
    return f"could not be fetched ({(str(error).strip() or type(error).__name__).splitlines()[0]})"


def _transfer(item: Item, folder: Path, endpoint: str | None, progress: Progress | None) -> None:
    """Download one file; the hub's client resumes and renames."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import tqdm

    class Told(tqdm):
        """Tells how much has come instead of drawing a bar."""

        def __init__(self, *_: Any, **options: Any) -> None:
            self._come, self._whole = int(options.get("initial") or 0), options.get("total")
            super().__init__(disable=True)

        def update(self, n: float | None = 1) -> bool | None:
            self._come += int(n or 0)
            if progress:
                progress(item.file, self._come, self._whole)
            return None

    hf_hub_download(
        item.repository, item.file, repo_type="dataset", revision=item.revision,
        cache_dir=folder, endpoint=endpoint, tqdm_class=Told,
    )  # fmt: skip

"""What comes from the Hugging Face hub: files of data sets and of models.

The hub's client resumes, renames whole files into place, and lets processes wait for one another. What is in the
cache is used without asking anybody. Where the hub resolves a branch, the cache keeps to the commit that it found:
it never mixes two. `HF_ENDPOINT` names another hub.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench import network
from hxbench.data.digest import write_whole
from hxbench.data.transfer import Progress
from hxbench.errors import InputError
from hxbench.system_errors import is_of_a_file, writing


@dataclass(frozen=True)
class Item:
    """One file of a release place, or all that a pattern names."""

    repository: str
    file: str
    revision: str

    def __str__(self) -> str:
        return f"{self.file} of {self.repository} at {self.revision[:12]}"


@dataclass(frozen=True)
class Pinned:
    """The commit that a cache keeps to, and the Parquet files of it where they were listed."""

    revision: str
    files: tuple[str, ...] = ()


class Downloads:
    """What servers gave into one folder of the cache, and the way to them; `offline` says what forbids it."""

    def __init__(self, folder: Path, *, offline: bool) -> None:
        self.folder = folder
        self.offline = network.offline(offline)

    def endpoint(self) -> str | None:
        """Return the hub to ask, None for the public one; `InputError` for an address or proxy that is none.

        The client reads the variable when it is imported, which may be before the user's setting was made.
        """
        network.require_proxy_support()
        return network.endpoint("HF_ENDPOINT")

    def find(self, item: Item) -> Path | None:
        """Return a file of a data set from the cache, or None."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(
            item.repository, item.file, self.folder / "hf", item.revision, repo_type="dataset"
        )
        return Path(found) if isinstance(found, str) else None

    def fetch(self, item: Item, progress: Progress | None = None) -> None:
        """Bring a file of a data set into the cache; `InputError`, with its place, where that fails."""
        from huggingface_hub import hf_hub_download

        with explaining(item), writing(self.folder):
            hf_hub_download(
                item.repository, item.file, repo_type="dataset", revision=item.revision,
                cache_dir=self.folder / "hf", endpoint=self.endpoint(), tqdm_class=_bar(item.file, progress),
            )  # fmt: skip

    def fetch_model(self, repository: str, revision: str | None, patterns: Sequence[str], *, ask: bool) -> Path:
        """Return the folder with a model's files of these patterns; the hub is only asked if `ask`.

        Raises what the hub's client raises.
        """
        from huggingface_hub import snapshot_download

        with writing(self.folder):
            found = snapshot_download(
                repository, revision=revision, cache_dir=self.folder / "hf", allow_patterns=list(patterns),
                local_files_only=not ask, endpoint=self.endpoint() if ask else None, tqdm_class=_bar("", None),
            )  # fmt: skip
        return Path(found)

    def pinned(self, note: str) -> Pinned | None:
        """Return what the cache keeps to, by the name of its note: JSON, or the line of a commit."""
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # a damaged one is written anew
            text = (self.folder / note).read_text(encoding="utf-8").strip()
            known = json.loads(text) if note.endswith(".json") else {"revision": text, "files": ()}
            return Pinned(str(known["revision"]), tuple(map(str, known["files"])))
        return None

    def pin(self, note: str, item: Item, places: Sequence[str]) -> Pinned:
        """Return the commit of a data set that the cache keeps to, asking the hub the first time only.

        `places` are the revisions to look at, the first one that is there, and that has Parquet files if the note
        lists them, is taken. `item` is what messages speak of.
        """
        if known := self.pinned(note):
            return known
        from huggingface_hub import HfApi
        from huggingface_hub.errors import RevisionNotFoundError

        listed = note.endswith(".json")
        with explaining(item):
            api = HfApi(endpoint=self.endpoint())
            for place in places:
                with suppress(*((RevisionNotFoundError,) if listed else ())):
                    about = api.dataset_info(item.repository, revision=place)
                    names = sorted(entry.rfilename for entry in about.siblings or ())
                    files = [name for name in names if name.endswith(".parquet")]
                    if files or not listed:
                        break
            else:
                looked = f"on its branches {' and '.join(places)}" if len(places) > 1 else f"at {places[0]}"
                raise InputError(f"{item.repository} has no Parquet file {looked}.")
        text = json.dumps({"revision": about.sha, "files": files}, indent=1) if listed else f"{about.sha}\n"
        write_whole(self.folder / note, text.encode())
        return Pinned(str(about.sha), tuple(files) if listed else ())


@contextmanager
def explaining(item: Item) -> Iterator[None]:
    """Let what the hub's client raises be an `InputError`: no such file, or a hub that could not be asked."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if is_of_a_file(error):
            raise
        from huggingface_hub import errors as known

        where = f"{item.file} of the dataset {item.repository} at revision {item.revision}"
        absent = (known.EntryNotFoundError, known.RepositoryNotFoundError, known.RevisionNotFoundError)
        # The local one is also an absent entry by its class, but says that the hub could not be asked.
        if isinstance(error, absent) and not isinstance(error, known.LocalEntryNotFoundError):
            raise InputError(f"{where} does not exist on the hub.") from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{where} could not be fetched ({reason}).") from error


def _bar(name: str, progress: Progress | None) -> type:
    """Return a bar for the hub's client that draws nothing and hands on how much has come."""
    from huggingface_hub.utils import tqdm

    class Meter(tqdm):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._come, self._all = int(options.get("initial") or 0), options.get("total")
            super().__init__(*arguments, **options | {"disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self._come += int(n or 0)
            if progress:
                progress(name, self._come, self._all)
            return None

    return Meter

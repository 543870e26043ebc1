"""What comes over the network, all of it through the client of the Hugging Face hub.

Files of data sets and of models come from the hub: the client renames whole files into place and lets processes
wait for one another. A file at another address (a treebank) comes through the same client. What is in the cache is
used without a request. Where the hub resolves a branch, the cache keeps to the commit that it found: it never
mixes two. `HF_ENDPOINT` names another hub.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench import network
from hxbench.data.digest import write_whole
from hxbench.errors import InputError
from hxbench.system_errors import is_of_a_file, writing

Progress = Callable[[str, int, int | None], None]
"""Called with what is fetched, how much of it has come, and how much it is in all (None where unknown)."""

_PAUSES = (1, 2, 4, 8, 16)  # seconds before a server that was busy is asked once more


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
    """The commit that a cache keeps to, and its Parquet files."""

    revision: str
    files: tuple[str, ...]


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
        """Return a file of the cache; None also for an empty one, which a full disk or a crash may leave."""
        found = self._cached(item)
        return found if found and found.stat().st_size else None

    def _cached(self, item: Item) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(
            item.repository, item.file, self.folder / "hf", item.revision, repo_type="dataset"
        )
        return Path(found) if isinstance(found, str) else None

    def fetch(self, item: Item, progress: Progress | None = None) -> None:
        """Bring a file of a data set into the cache; `InputError`, with its place, where that fails."""
        from huggingface_hub import hf_hub_download

        is_empty = self._cached(item) is not None and self.find(item) is None
        with explaining(item), writing(self.folder):
            hf_hub_download(
                item.repository, item.file, repo_type="dataset", revision=item.revision,
                cache_dir=self.folder / "hf", endpoint=self.endpoint(), tqdm_class=_bar(item.file, progress),
                force_download=is_empty,
            )  # fmt: skip
        if self.find(item) is None:
            raise InputError(f"{item} is empty on the hub.")

    def fetch_model(self, repository: str, revision: str | None, patterns: Sequence[str], *, ask: bool) -> Path:
        """Return the folder with a model's files of these patterns; the hub is only asked if `ask`."""
        from huggingface_hub import snapshot_download

        with writing(self.folder):
            found = snapshot_download(
                repository, revision=revision, cache_dir=self.folder / "hf", allow_patterns=list(patterns),
                local_files_only=not ask, endpoint=self.endpoint() if ask else None, tqdm_class=_bar("", None),
            )  # fmt: skip
        return Path(found)

    def pinned(self, note: str) -> Pinned | None:
        """Return what the cache keeps to, by the name of its note."""
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # a damaged one is written anew
            known = json.loads((self.folder / note).read_text(encoding="utf-8"))
            return Pinned(str(known["revision"]), tuple(map(str, known["files"])))
        return None

    def pin(self, note: str, item: Item, branches: Sequence[str]) -> Pinned:
        """Return the commit of a data set that the cache keeps to, asking the hub the first time only.

        It is that of the first of `branches` (or tags, or commits) that is there and has Parquet files. `item` is
        what messages speak of.
        """
        if known := self.pinned(note):
            return known
        from huggingface_hub import HfApi
        from huggingface_hub.errors import RevisionNotFoundError

        with explaining(item):
            api = HfApi(endpoint=self.endpoint())
            for branch in branches:
                with suppress(RevisionNotFoundError):
                    about = api.dataset_info(item.repository, revision=branch)
                    names = sorted(entry.rfilename for entry in about.siblings or ())
                    if files := [name for name in names if name.endswith(".parquet")]:
                        break
            else:
                looked = f"on its branches {' and '.join(branches)}" if len(branches) > 1 else f"at {branches[0]}"
                raise InputError(f"{item.repository} has no Parquet file {looked}.")
        write_whole(self.folder / note, json.dumps({"revision": about.sha, "files": files}, indent=1).encode())
        return Pinned(str(about.sha), tuple(files))


def download(url: str, target: Path, progress: Progress | None = None) -> bool:
    """Put the file at `url` into `target`, unless it is there and not empty; return whether it exists.

    After a broken connection the rest alone is asked for. A later call begins anew: nothing says that a part of
    before is of the same file. Processes that want the same file wait for the first. Raises `InputError` for a
    refusal, an empty file, a full disk, and a server that is not reached.
    """
    from filelock import FileLock
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get

    network.require_proxy_support()
    part = target.with_name(f"{target.name}.part")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            for pause in (*_PAUSES, None):
                if target.exists() and target.stat().st_size:
                    return True
                try:
                    with part.open("wb") as stream:
                        http_get(
                            url, stream, displayed_filename=target.name,
                            headers={"Accept-Encoding": "identity"}, tqdm_class=_bar(target.name, progress),
                        )  # fmt: skip
                    if not part.stat().st_size:
                        raise InputError(f"{url} is an empty file.")
                    part.replace(target)
                except InputError:
                    part.unlink()
                    raise
                except HfHubHTTPError as error:
                    part.unlink()
                    status = error.response.status_code
                    if status == 404:
                        return False
                    if pause is None or status < 500:
                        raise InputError(f"{url} was refused with HTTP {status}.") from None
                    time.sleep(pause)
                except Exception as error:
                    part.unlink(missing_ok=True)
                    if is_of_a_file(error):
                        raise
                    if pause is not None and _is_cut(error):
                        time.sleep(pause)
                        continue
                    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                    raise InputError(
                        f"{url} could not be fetched ({reason}); the same command goes on with this file."
                    ) from error
    return True


def _is_cut(error: Exception) -> bool:
    """Return whether a connection broke while a file came: it was reset, or less came than was said."""
    cut = type(error).__name__ in ("ReadError", "WriteError", "CloseError")  # of the client's HTTP library
    return cut or (isinstance(error, OSError) and "Consistency check failed" in str(error))


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

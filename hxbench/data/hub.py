"""The public release places: where each file is, what the cache has of it, and how the rest comes.

UD 2.7 comes as CoNLL-U from each treebank's repository at the commit in `languages.py`, WikiANN as Parquet from
the Hugging Face hub, running text from the hub's Wikipedia (`wikipedia.py`). `HXBENCH_UD_ENDPOINT` and
`HF_ENDPOINT` name other servers with the same files. What is in the cache is used without asking anybody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench import network
from hxbench.data import wikipedia
from hxbench.data.digest import write_whole
from hxbench.data.schema import SPLITS
from hxbench.data.transfer import AbsentError, Progress, download
from hxbench.errors import InputError
from hxbench.languages import Language
from hxbench.printing import grouped
from hxbench.system_errors import is_of_a_file
from hxbench.tasks import task_of

UD_ENDPOINT = "https://raw.githubusercontent.com/UniversalDependencies"
WIKIANN = "unimelb-nlp/wikiann"
# No commit could be confirmed for WikiANN: the first download resolves this branch, and the cache keeps to the
# commit it found, so that one cache never mixes two.
WIKIANN_BRANCH = "main"
_HUB_SPLIT = {"train": "train", "dev": "validation", "test": "test"}


@dataclass(frozen=True)
class Item:
    """One file of a release place."""

    repository: str
    file: str
    revision: str

    def __str__(self) -> str:
        return f"{self.file} of {self.repository} at {self.revision[:12]}"


class Hub:
    """The release places seen through a cache folder; `sentences` is how much running text a language gets."""

    def __init__(self, folder: Path, *, offline: bool, sentences: int | None) -> None:
        self.folder = folder
        self.offline = network.offline(offline)  # what forbids to ask a server, if anything does
        self.sentences = min(sentences or wikipedia.MOST_SENTENCES, wikipedia.MOST_SENTENCES)

    def find(self, task: str, language: Language, split: str) -> Path | None:
        """Return the file of a split from the cache, or None where the cache has none."""
        if task == "pos":
            path = self._treebank_file(language, split)
        elif task == "ner":
            revision = self._wikiann_revision()
            if revision is None:
                return None
            from huggingface_hub import try_to_load_from_cache

            found = try_to_load_from_cache(
                WIKIANN, _wikiann_file(language, split), self.folder / "hf", revision, repo_type="dataset"
            )
            return Path(found) if isinstance(found, str) else None
        elif split == "train":
            path = self._text_file(language)
        else:
            return None
        return path if path.exists() else None

    def lacking(self, task: str, language: Language) -> list[Item]:
        """Return what is not in the cache of a pair; nothing is asked of a server."""
        if task == "pos":
            places = {split: self._treebank_file(language, split) for split in SPLITS}
            return [
                Item(f"UniversalDependencies/{language.treebank}", path.name, language.treebank_revision)
                for path in places.values()
                if not path.exists() and not _absent(path).exists()
            ]
        if self.find(task, language, "train") and (
            task == "mlm" or all(self.find(task, language, s) for s in SPLITS)
        ):
            return []
        if task == "mlm":
            return [Item(wikipedia.REPOSITORY, f"{wikipedia.config(language)}/*.parquet", wikipedia.REVISION)]
        revision = self._wikiann_revision() or WIKIANN_BRANCH
        files = [_wikiann_file(language, split) for split in SPLITS if not self.find(task, language, split)]
        return [Item(WIKIANN, file, revision) for file in files]

    def fetch(self, pairs: Iterable[tuple[str, Language]], progress: Progress | None = None) -> None:
        """Download what the pairs need and the cache lacks.

        Raises `InputError`: offline, at once and with everything that is lacking; else for a file that is not at
        its place (repository, file, revision) and for a server that cannot be reached.
        """
        wanted = [(task, language) for task, language in dict.fromkeys(pairs) if self.lacking(task, language)]
        if not wanted:
            return
        if self.offline:
            items = [
                (task_of(task).corpus, one) for task, language in wanted for one in self.lacking(task, language)
            ]
            corpora = " ".join(dict.fromkeys(task_of(task).corpus for task, _ in wanted))
            raise InputError(
                f"offline ({self.offline}), and the cache {self.folder} lacks {grouped(items)}; "
                f"with a network, get them by: hxbench prepare {corpora} --data-source hub"
            )
        network.endpoint("HXBENCH_UD_ENDPOINT"), network.endpoint("HF_ENDPOINT")  # before anything has come
        for task, language in wanted:
            if task == "pos":
                self._fetch_treebank(language, progress)
            else:
                self._fetch_from_hub(task, language, progress)

    def _fetch_treebank(self, language: Language, progress: Progress | None) -> None:
        """Fetch the splits of a treebank; the release has no dev or no train file of some, but always one file."""
        endpoint = network.endpoint("HXBENCH_UD_ENDPOINT") or UD_ENDPOINT
        place = f"{endpoint}/{language.treebank}/{language.treebank_revision}"
        absent = []
        for split in SPLITS:
            path = self._treebank_file(language, split)
            try:
                download(f"{place}/{path.name}", path, progress)
            except AbsentError:
                absent.append(path)
        if len(absent) == len(SPLITS):
            names = ", ".join(path.name for path in absent)
            raise InputError(f"UniversalDependencies/{language.treebank} has none of {names} at {place}.")
        for path in absent:
            write_whole(_absent(path), b"")

    def _fetch_from_hub(self, task: str, language: Language, progress: Progress | None) -> None:
        # The client reads HF_ENDPOINT when it is imported, which may be before the user's setting was made.
        endpoint = network.endpoint("HF_ENDPOINT")
        network.require_proxy_support()
        item = self.lacking(task, language)[0]
        try:
            if task == "mlm":
                wikipedia.fetch_sentences(self._text_file(language), language, self.sentences, endpoint, progress)
                return
            revision = self._resolve_wikiann(endpoint)
            for item in self.lacking(task, language):
                _hub_file(item.file, revision, self.folder / "hf", endpoint, progress)
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

    def _resolve_wikiann(self, endpoint: str | None) -> str:
        """Return the commit this cache keeps to, asking the hub the first time only."""
        if (known := self._wikiann_revision()) is None:
            from huggingface_hub import HfApi

            found = HfApi(endpoint=endpoint).dataset_info(WIKIANN, revision=WIKIANN_BRANCH).sha
            write_whole(self.folder / "wikiann-revision", f"{found}\n".encode())
            known = self._wikiann_revision()
        return str(known)

    def _wikiann_revision(self) -> str | None:
        note = self.folder / "wikiann-revision"
        return note.read_text(encoding="utf-8").strip() if note.exists() else None

    def _treebank_file(self, language: Language, split: str) -> Path:
        name = f"{language.treebank_stem}-ud-{split}.conllu"
        return self.folder / "ud" / language.treebank / language.treebank_revision / name

    def _text_file(self, language: Language) -> Path:
        return self.folder / "text" / wikipedia.file_name(language, self.sentences)


def _absent(path: Path) -> Path:
    """Return the mark that the release has no such split."""
    return path.with_name(f"{path.name}.absent")


def _wikiann_file(language: Language, split: str) -> str:
    return f"{language.wikiann}/{_HUB_SPLIT[split]}-00000-of-00001.parquet"


def _hub_file(file: str, revision: str, folder: Path, endpoint: str | None, progress: Progress | None) -> None:
    """Download one file of WikiANN; the hub's client resumes and renames."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import tqdm

    class Meter(tqdm):
        """Hands the client's progress on instead of drawing a bar of its own."""

        def __init__(self, *_: Any, **options: Any) -> None:
            self._come, self._all = int(options.get("initial") or 0), options.get("total")
            super().__init__(disable=True)

        def update(self, n: float | None = 1) -> bool | None:
            self._come += int(n or 0)
            if progress:
                progress(file, self._come, self._all)
            return None

    hf_hub_download(
        WIKIANN,
        file,
        repo_type="dataset",
        revision=revision,
        cache_dir=folder,
        endpoint=endpoint,
        tqdm_class=Meter,
    )

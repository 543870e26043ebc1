"""The sixteen languages of Hyper-X and their sixteen sandbox counterparts (Hyper-X, Table 4)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from hxbench import places
from hxbench.errors import InputError, did_you_mean
from hxbench.tasks import Declared
from hxbench.tasks.description import Described, LanguageEntry, descriptions_in, shipped_corpus


@dataclass(frozen=True)
class Language:
    """One language: who it is, which group it is averaged in, and where its corpora are.

    `group` is `source` (English), `seen` or `unseen` (covered by mBERT's pre-training or not); `paper_code`
    is the row of the paper it stands in: its own code, or that of the language a sandbox language imitates.
    """

    code: str
    name: str
    family: str
    script: str
    group: str
    treebank: str  # folder of the release, e.g. UD_English-EWT
    treebank_stem: str  # file prefix, e.g. en_ewt
    treebank_revision: str  # immutable commit of the treebank's repository, or its release tag
    wikiann: str
    paper_code: str
    has_train: bool  # whether UD 2.7 has a training part of the treebank
    relatives: tuple[str, ...] = ()  # of a user's own, as its description has them
    own: bool = False  # described by a user

    @property
    def label(self) -> str:
        """The code, with the imitated language behind it for a sandbox language."""
        return self.code if self.code == self.paper_code else f"{self.code} ({self.paper_code})"

    @property
    def pretrained(self) -> bool:
        """Whether the backbone's pre-training covers the language."""
        return self.group != "unseen"


# of them, those in the list of XLM-R's pre-training (Conneau et al. 2020, Table 6): mBERT's, with sa and ug
XLM_R = frozenset("en ar br zh is kk ta tr sa ug".split())


@cache
def language_set(name: str) -> dict[str, Language]:
    """Return the languages of a set (`hyperx` or `sandbox`) by code, in the paper's order."""
    real = _real()
    if name == "hyperx":
        return real
    if name != "sandbox":
        raise InputError(did_you_mean("language set", name, ["hyperx", "sandbox"]))
    # qan's relatives are written in Tamil letters, and a script of its own would be unknown tokens throughout
    scripts = {"sa": "Tamil"}
    made = {}
    for letter, model in zip("abcdefghijklmnop", real.values(), strict=True):
        code = f"qa{letter}"
        script = scripts.get(model.code, model.script)
        made[code] = Language(
            code, f"sandbox {letter.upper()}", f"like {model.family}", script, model.group,
            f"UD_Sandbox-{letter.upper()}", f"{code}_sandbox", "", code, model.code, model.has_train,
        )  # fmt: skip
    return made


def languages_for(origin: str, described: Described | None = None) -> dict[str, Language]:
    """Return the languages of data by code: those of an origin that ship, and those that a user describes.

    A description that stands alone has the languages of its corpora, of which those that ship need no entry.
    """
    shipped = language_set("sandbox" if origin == "sandbox" else "hyperx")
    if described is None:
        return shipped
    codes = dict.fromkeys([*described.languages, *(code for _, code in described.pairs)])
    own = {code: _as_described(code, described) for code in codes}
    return shipped | {code: one for code, one in own.items() if code not in shipped} if described.extends else own


def _as_described(code: str, described: Described) -> Language:
    entry = described.languages.get(code)
    found = find_language(code) if entry is None else _of_entry(code, entry)
    trained_on = any(code in codes for codes in described.sources.values())
    group = "source" if trained_on else "seen" if found.pretrained else "unseen"
    return replace(found, group=group, paper_code=code)


def _of_entry(code: str, entry: LanguageEntry) -> Language:
    group = "seen" if entry.read else "unseen"
    return Language(
        code, entry.name, entry.family, entry.script, group, "", "", "", "", code, True, entry.relatives, own=True
    )


def _real() -> dict[str, Language]:
    """Return the languages of Hyper-X, with what the paths of their corpora have in them."""
    ships = descriptions_in(places.recipe_folders())["hyperx"]
    found = {}
    for code, one in ships.languages.items():
        treebank, names = shipped_corpus("pos", code), shipped_corpus("ner", code)
        assert treebank
        assert names
        words = treebank.languages[code]
        group = "source" if code in ships.sources["pos"] else "seen" if one.read else "unseen"
        found[code] = Language(
            code, one.name, one.family, one.script, group, words["treebank"], words["stem"], words["commit"],
            names.languages[code]["wikiann"], code, treebank.train_on == "train",
        )  # fmt: skip
    return found


def code_among(languages: Iterable[Language], wanted: str) -> str:
    """Return the code, among these languages, of one given by its own code or by the paper's for it."""
    known = list(languages)
    for language in known:
        if wanted in (language.code, language.paper_code):
            return language.code
    raise InputError(did_you_mean("language", wanted, [language.label for language in known]))


def find_language(code: str) -> Language:
    """Return the language with this code: one that ships, or one that was described."""
    if found := _shipped().get(code):
        return found
    if code not in declared_languages.known:
        raise InputError(did_you_mean("language", code, [*_shipped(), *declared_languages.known]))
    return _of_entry(code, declared_languages.known[code])


@cache
def _shipped() -> dict[str, Language]:
    return language_set("hyperx") | language_set("sandbox")


declared_languages: Declared[LanguageEntry] = Declared("language", _shipped)

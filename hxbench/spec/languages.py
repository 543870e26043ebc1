"""The sixteen languages of Hyper-X and their sixteen sandbox counterparts (Hyper-X, Table 4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache

from hxbench.errors import InputError, did_you_mean
from hxbench.tasks.description import Described, LanguageEntry


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


# code, name, family, script, group, treebank, stem, commit of the tag r2.7 (or the tag), WikiANN config
_REAL = """
en  | English       | IE, Germanic            | Latin      | source | UD_English-EWT         | en_ewt     | 458b69f3824b6490322a8e2f8fd020dd8bd74be7 | en
ar  | Arabic        | Afro-Asiatic, Semitic   | Arabic     | seen   | UD_Arabic-PADT         | ar_padt    | r2.7                                     | ar
br  | Breton        | IE, Celtic              | Latin      | seen   | UD_Breton-KEB          | br_keb     | 0a44ffb91292c6c6aa4be4c634059d5331eaeb76 | br
zh  | Chinese       | Sino-Tibetan            | Han        | seen   | UD_Chinese-GSD         | zh_gsd     | 3affe5ce84fee7dc8530478f39728122fa96926d | zh
is  | Icelandic     | IE, Germanic            | Latin      | seen   | UD_Icelandic-PUD       | is_pud     | 6a7bbd742c3aada2f82274f73d1f056edf36811b | is
kk  | Kazakh        | Turkic, Northwestern    | Cyrillic   | seen   | UD_Kazakh-KTB          | kk_ktb     | 235fdec1e19935272eaa449abc4c0060e095217e | kk
ta  | Tamil         | Dravidian, Southern     | Tamil      | seen   | UD_Tamil-TTB           | ta_ttb     | 83752dc50fdec67e80cc7c0d65354a0f0cbee27b | ta
tr  | Turkish       | Turkic, Southwestern    | Latin      | seen   | UD_Turkish-IMST        | tr_imst    | 1a8c86a0cd3a937d83a0349cee35f43ffc5b8930 | tr
yo  | Yoruba        | Niger-Congo, Defoid     | Latin      | seen   | UD_Yoruba-YTB          | yo_ytb     | af15576170665cb02d5a66df91076f07f57458a2 | yo
fo  | Faroese       | IE, Germanic            | Latin      | unseen | UD_Faroese-OFT         | fo_oft     | 17a4ed6c8e26bbed4adecbf0dcb9dcb858f5c06e | fo
gn  | Guarani       | Tupian, Tupi-Guarani    | Latin      | unseen | UD_Mbya_Guarani-Thomas | gun_thomas | 3cf6994f274a49e8e3ee7dc4f53c78dc45ffc6f8 | gn
hsb | Upper Sorbian | IE, Slavic              | Latin      | unseen | UD_Upper_Sorbian-UFAL  | hsb_ufal   | a5cea529ce5143ece28c1a5b518fe302273598b7 | hsb
mt  | Maltese       | Afro-Asiatic, Semitic   | Latin      | unseen | UD_Maltese-MUDT        | mt_mudt    | 94c7500268d4048089df398cfaeea268ce619ab3 | mt
sa  | Sanskrit      | Indic                   | Devanagari | unseen | UD_Sanskrit-UFAL       | sa_ufal    | 537feacddd0c0bc94908501fe0ac973ac5de13e7 | sa
ug  | Uyghur        | Turkic, Southeastern    | Arabic     | unseen | UD_Uyghur-UDT          | ug_udt     | a87b8c9cc6501fa115b5f5f4d4e6b1642fc6c221 | ug
yue | Cantonese     | Sino-Tibetan            | Han        | unseen | UD_Cantonese-HK        | yue_hk     | f0de6eefd249ccd13746d7633281c970cc85abc7 | zh-yue
"""  # noqa: E501
# of them, those in the list of XLM-R's pre-training (Conneau et al. 2020, Table 6): mBERT's, with sa and ug
XLM_R = frozenset("en ar br zh is kk ta tr sa ug".split())
_TEST_ALONE = frozenset("br is yo fo gn sa yue".split())  # whose treebanks have no other part in UD 2.7


@cache
def language_set(name: str) -> dict[str, Language]:
    """Return the languages of a set (`hyperx` or `sandbox`) by code, in the paper's order."""
    real = {}
    for line in _REAL.strip().splitlines():
        code, full, family, script, group, treebank, stem, commit, wikiann = (f.strip() for f in line.split("|"))
        real[code] = Language(
            code, full, family, script, group, treebank, stem, commit, wikiann, code, code not in _TEST_ALONE
        )
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


_described: dict[str, LanguageEntry] = {}  # in users' own data, in this process


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


def declare(languages: Mapping[str, LanguageEntry]) -> None:
    """Make languages known that a user's data or a stored run describe.

    Raises `ValueError` for a code that stands for another language already.
    """
    for code, entry in languages.items():
        if code in _shipped():
            raise ValueError(f"the language {code} ships with hxbench: its corpora need no entry of it")
        if _described.setdefault(code, entry) != entry:
            raise ValueError(f"the language {code} is described in two ways: give one of them another code")


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
    if code not in _described:
        raise InputError(did_you_mean("language", code, [*_shipped(), *_described]))
    return _of_entry(code, _described[code])


@cache
def _shipped() -> dict[str, Language]:
    return language_set("hyperx") | language_set("sandbox")

"""The sixteen synthetic languages and the ancestors they descend from.

Each imitates one real language in what a tagger meets: relatives, script, order of words, how much is said by
affixes. A language withheld from pre-training keeps a covered relative or neighbour whose words it shares and
whose letters it uses: a letter that pre-training never saw would make every word the unknown piece.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lineage:
    """Where roots come from: `sources` are (share of the roots, parent or donor); the rest are its own."""

    sources: tuple[tuple[float, str], ...] = ()
    changes: str = ""
    closed_share: float = 0.4  # share of function words and affixes kept from the first source
    false_friends: float = 0.0  # share of its other function words that look like another one of that source
    syllables: tuple[int, ...] = (1, 2, 2)


@dataclass(frozen=True)
class Profile:
    """Grammar and writing of one language."""

    code: str
    imitates: str
    script: str
    spelling: str = "plain"
    order: str = "SVO"
    order_strict: float = 0.9  # otherwise SVO
    adjective_after: bool = False
    postpositions: bool = False
    article: str = "word"  # word | suffix | prefix (joined in writing) | none
    plural: str = "suffix"  # suffix | word | none
    tense: str = "suffix"  # suffix | word
    agreement: bool = False  # person affix on the verb, pronouns often dropped
    cases: int = 0  # how many of object, at, from, of, to are said by a suffix instead of a word
    harmony: bool = False
    mutation: bool = False
    classifiers: bool = False
    zero_derivation: bool = False  # a verb may look like the noun it is made from
    joins: str = ""  # what is written as one word: preposition | conjunction | copula
    empty_nodes: bool = False
    spaces: bool = True


ANCESTORS = {
    "World": Lineage(syllables=(2, 2, 3)),
    "IE": Lineage(),
    "Germanic": Lineage(((0.7, "IE"),), "p>f/#_ k>h/#_"),
    "Norse": Lineage(((0.9, "Germanic"),), ""),
    "Celtic": Lineage(((0.7, "IE"),), "p>/#_ q>k"),
    "Slavic": Lineage(((0.7, "IE"), (0.25, "qac")), "g>z/#_"),
    "Indic": Lineage(((0.3, "IE"),)),
    "Semitic": Lineage(syllables=(2, 2, 2)),
    "Turkic": Lineage(),
    "Dravidian": Lineage(syllables=(2, 2)),
    "Sinitic": Lineage(syllables=(1, 2)),
    "Niger": Lineage(syllables=(1, 2)),
    "Tupi": Lineage(syllables=(2, 3)),
}

LINEAGES = {
    "qaa": Lineage(((0.3, "Germanic"),), "a>e o>u/_# h>/#_", 0.2),
    "qab": Lineage(((0.95, "Semitic"),), "", 0.9),
    "qac": Lineage(((0.95, "Celtic"),), "", 0.9),
    "qad": Lineage(((0.95, "Sinitic"),), "", 0.9),
    "qae": Lineage(((0.95, "Norse"),), "", 0.9),
    "qaf": Lineage(((0.9, "Turkic"),), "", 0.9),
    "qag": Lineage(((0.2, "Dravidian"), (0.8, "Indic")), "", 0.5),
    "qah": Lineage(((0.9, "Turkic"),), "q>k w>v", 0.7),
    "qai": Lineage(((0.95, "Niger"),), "", 0.9),
    "qaj": Lineage(((0.95, "qae"),), "q>/_#", 0.6, 0.5),
    "qak": Lineage(((0.85, "qai"), (0.15, "Tupi")), "p>b/#_", 0.6, 0.5),
    "qal": Lineage(((0.85, "qac"), (0.15, "Slavic")), "g>h/V_V", 0.6, 0.5),
    "qam": Lineage(((0.7, "qac"), (0.3, "Semitic")), "h>/#_", 0.6, 0.5),
    "qan": Lineage(((0.95, "qag"), (0.05, "Indic")), "e>a/_#", 0.6, 0.5),
    "qao": Lineage(((0.6, "qab"), (0.4, "qaf")), "g>q/V_V", 0.6, 0.5),
    "qap": Lineage(((1.0, "qad"),), "", 0.6, 1.0),
}

_PROFILES = (
    Profile("qaa", "en", "Latin", zero_derivation=True),
    Profile("qab", "ar", "Arabic", order="VSO", order_strict=0.3,
            adjective_after=True, article="prefix", agreement=True, joins="conjunction", empty_nodes=True),
    Profile("qac", "br", "Latin", "celtic", order="VSO", order_strict=0.3, adjective_after=True, mutation=True,
            joins="preposition"),
    Profile("qad", "zh", "Han", article="none", plural="none", tense="word", classifiers=True,
            zero_derivation=True, spaces=False),
    Profile("qae", "is", "Latin", "nordic", article="suffix", cases=1, agreement=True),
    Profile("qaf", "kk", "Cyrillic", order="SOV", order_strict=0.3,
            postpositions=True, article="none", cases=4, harmony=True, agreement=True, joins="copula"),
    Profile("qag", "ta", "Tamil", order="SOV", order_strict=0.3,
            postpositions=True, article="none", cases=4, agreement=True),
    Profile("qah", "tr", "Latin", "turkic", order="SOV", order_strict=0.3, postpositions=True, article="none",
            cases=4, harmony=True, agreement=True, joins="copula"),
    Profile("qai", "yo", "Latin", "dotted", adjective_after=True, plural="word", tense="word",
            zero_derivation=True),
    Profile("qaj", "fo", "Latin", "nordic", article="suffix", cases=1),
    Profile("qak", "gn", "Latin", adjective_after=True, postpositions=True, plural="word", article="none",
            tense="suffix", cases=1, agreement=True),
    Profile("qal", "hsb", "Latin", "celtic", article="none", cases=2, agreement=True, empty_nodes=True),
    Profile("qam", "mt", "Latin", adjective_after=True, article="prefix", agreement=True, joins="preposition"),
    Profile("qan", "sa", "Tamil", order="SOV", order_strict=0.3, article="none", cases=4, agreement=True,
            joins="conjunction", empty_nodes=True),
    Profile("qao", "ug", "Arabic", order="SOV", order_strict=0.3, postpositions=True, article="none", cases=4,
            harmony=True, agreement=True),
    Profile("qap", "yue", "Han", article="none", plural="none", tense="word", classifiers=True,
            zero_derivation=True, spaces=False),
)  # fmt: skip

PROFILES = {profile.code: profile for profile in _PROFILES}

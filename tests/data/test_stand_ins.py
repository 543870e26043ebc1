"""What a mirror's manifest says of files that stand in for those of the release."""

import pytest

from hxbench.data.mirror import stand_ins
from hxbench.spec.languages import language_set

LANGUAGES = language_set("hyperx")
USED = [
    ("pos", "ar", "train"),
    ("pos", "ar", "dev"),
    ("pos", "zh", "train"),
    ("ner", "ar", "train"),
    ("sst2", "en", "dev"),
]
HEADER = "path\tsource repository\toriginal path\n"


@pytest.fixture
def mirror(tmp_path):
    for name in ("ar_padt-ud-train", "ar_padt-ud-dev"):
        path = tmp_path / "ud-2.7" / "UD_Arabic-PADT" / f"{name}.conllu"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def test_the_files_that_are_used_are_told(mirror):
    place = "ud-2.7/UD_Arabic-PADT/ar_padt-ud-{}.conllu"
    rows = [
        (place.format("train"), "there", "stand-in: words and UPOS only"),
        (place.format("dev"), "there", 'ar_padt-ud-dev.conllu "as released'),
        (place.format("test"), "there", "stand-in: not used here"),
    ]
    (mirror / "MANIFEST.tsv").write_text(HEADER + "".join("\t".join(row) + "\n" for row in rows))
    assert stand_ins(mirror, USED, LANGUAGES) == {"pos-ar train": "words and UPOS only"}


@pytest.mark.parametrize(
    "content", [None, b"", b"other\tcolumns\n1\t2\n", HEADER.encode() + b"short\n\xff\t\t\n\n", b"path\x00\n\x00"]
)
def test_a_mirror_without_such_a_manifest_says_nothing(mirror, content):
    if content is not None:
        (mirror / "MANIFEST.tsv").write_bytes(content)
    assert stand_ins(mirror, USED, LANGUAGES) == {}


def test_a_note_is_short(mirror):
    row = f"ud-2.7/UD_Arabic-PADT/ar_padt-ud-train.conllu\tx\tstand-in: {'long ' * 1000}\n"
    (mirror / "MANIFEST.tsv").write_text(HEADER + row)
    [note] = stand_ins(mirror, USED, LANGUAGES).values()
    assert len(note) <= 200

"""Tags in the three output formats."""

import json

from hxbench.data.readers.conllu import read_conllu
from hxbench.data.user_files import Untagged, as_conllu, as_jsonl, as_tsv, read_untagged

TREE = """\
# sent_id = 1
1-2\tdel\t_\t_\t_\t_\t_\t_\t_\tKept=Yes
1\tde\tde\tX\tX\tA=b\t2\tcase\t2:case\t_
2\tel\tel\t_\t_\t_\t0\troot\t_\tA=1|NER=B-PER|Z=2
2.1\tser\t_\t_\t_\t_\t_\t_\t_\t_

"""


def read(tmp_path):
    (tmp_path / "file").write_text(TREE)
    return list(read_untagged(tmp_path / "file", "conllu"))


def test_parts_of_speech_go_to_upos_and_nothing_else_changes(tmp_path):
    (sentence,) = read(tmp_path)
    expected = TREE.replace("de\tX\t", "de\tADP\t").replace("el\tel\t_", "el\tel\tDET")
    assert as_conllu(sentence, ["ADP", "DET"], "pos") == expected


def test_names_go_to_misc_in_place_of_earlier_ones(tmp_path):
    (sentence,) = read(tmp_path)
    expected = TREE.replace("2:case\t_", "2:case\tNER=O").replace("A=1|NER=B-PER|Z=2", "A=1|Z=2|NER=I-LOC")
    assert as_conllu(sentence, ["O", "I-LOC"], "ner") == expected


def test_conllu_of_running_text_is_read_by_our_own_reader(tmp_path):
    text = as_conllu(Untagged(7, ["Das", "Meer"]), ["DET", "NOUN"], "pos")
    assert text.startswith("# sent_id = 7\n# text = Das Meer\n1\tDas\t_\tDET\t")
    (tmp_path / "file").write_text(text + as_conllu(Untagged(9, ["ja"]), ["INTJ"], "pos"))
    found = [(row["words"], row["tags"]) for _, row in read_conllu(tmp_path / "file")]
    assert found == [(["Das", "Meer"], ["DET", "NOUN"]), (["ja"], ["INTJ"])]


def test_columns_and_json_lines():
    sentence = Untagged(3, ["Das", "Meer"])
    assert as_tsv(sentence, ["DET", "NOUN"], "pos") == "Das\tDET\nMeer\tNOUN\n\n"
    assert json.loads(as_jsonl(sentence, ["O", "O"], "ner")) == {
        "line": 3,
        "words": ["Das", "Meer"],
        "ner": ["O", "O"],
    }
    between = Untagged(4, [], ["# alone", ""])
    assert (as_tsv(between, [], "pos"), as_jsonl(between, [], "pos")) == ("", "")
    assert as_conllu(between, [], "pos") == "# alone\n\n"

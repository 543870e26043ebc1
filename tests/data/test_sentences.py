import pytest

from hxbench.data.wikipedia import split_sentences

CASES = {
    "plain": ("One is here. Two is there! Is this three?", ["One is here.", "Two is there!", "Is this three?"]),
    "quotes": ('He said "Never." Then he left.', ['He said "Never."', "Then he left."]),
    "initials and dates": ("J. S. Bach came on 3. September 1684.", None),
    "lower case": ("It is e.g. this one and so on.", None),
    "ordinals": ("17. júní er frídagur.", None),
    "year": ("It was 1984. Nobody knew.", ["It was 1984.", "Nobody knew."]),
    "Chinese": ("香港係城市。佢話：「好嗎？」我唔知。", ["香港係城市。", "佢話：「好嗎？」", "我唔知。"]),
    "Hindi": ("यह एक वाक्य है। यह दूसरा है।", ["यह एक वाक्य है।", "यह दूसरा है।"]),
    "Arabic": ("هل هذا سؤال؟ نعم هذا سؤال.", ["هل هذا سؤال؟", "نعم هذا سؤال."]),
    "headings": ("History\n\nIt began long ago.\nSee also\n* a list", ["It began long ago."]),
    "short": ("Ah. This one is long enough.", ["This one is long enough."]),
    "white space": ("A\tsentence  with   space here.", ["A sentence with space here."]),
    "nothing": ("", []),
}


@pytest.mark.parametrize("name", CASES)
def test_cases(name):
    article, expected = CASES[name]
    found = list(split_sentences(article))
    assert found == (expected if expected is not None else [article])

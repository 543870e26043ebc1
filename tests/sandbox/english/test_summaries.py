"""A summary can be built from its document: every word of it is there, and its deed in one sentence."""

from hxbench.sandbox.english.summaries import summary
from hxbench.sandbox.randomness import Draws


def test_summaries_come_from_their_documents():
    draws = Draws(0, "test")
    lengths = set()
    for _ in range(300):
        document, short = summary(draws)
        sentences = [part.strip() for part in document.split(" .") if part]
        lengths.add(len(sentences))
        assert set(short.split()) <= {*document.split(), "the"}
        person = " ".join(sentences[0].split()[1:3])
        assert short.removeprefix("the ").split()[0] == person.split()[0]
        deeds = [part.split(" ", 1)[1] for part in sentences[1:]]
        assert any(short.removesuffix(" .").endswith(deed) for deed in deeds)
    assert lengths == {3, 4, 5, 6}

"""Single words give away a polarity and nothing that takes two sentences, or their order, to know."""

import pytest


@pytest.fixture(scope="module")
def words_alone(examples):
    """Accuracy on dev of a logistic regression over single words, and of the most frequent label."""

    def score(task, texts_of):
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression

        words = CountVectorizer(token_pattern=r"\S+")
        train, dev = examples(task, "train"), examples(task, "dev")
        features = words.fit_transform([texts_of(texts) for texts, _ in train])
        model = LogisticRegression(C=0.3, max_iter=300).fit(features, [label for _, label in train])
        labels = [label for _, label in dev]
        majority = max(labels.count(label) for label in set(labels)) / len(labels)
        return model.score(words.transform([texts_of(texts) for texts, _ in dev]), labels), majority

    return score


def test_polarity_is_in_the_words_but_not_all_of_it(words_alone):
    accuracy, majority = words_alone("SST-2", lambda texts: texts[0])
    assert majority + 0.1 < accuracy < 0.9


@pytest.mark.parametrize("task", ["MNLI", "RTE", "CB", "SciTail"])
def test_a_hypothesis_alone_tells_little(words_alone, task):
    accuracy, majority = words_alone(task, lambda texts: texts[1])
    assert accuracy < majority + 0.12
    if task == "MNLI":
        assert accuracy < 0.5


@pytest.mark.parametrize("task", ["CoLA", "QNLI", "MRPC", "QQP", "WiC", "WSC", "BoolQ"])
def test_single_words_tell_little(words_alone, task):
    accuracy, majority = words_alone(task, " ".join)
    assert accuracy < majority + 0.12

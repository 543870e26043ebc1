"""What is printed of a live store is the same with its index as without one."""

from command_line import hxbench
from filled_store import write_run

from hxbench.spec import recipe
from hxbench.store import folder, index


def test_with_an_index_the_same_is_printed(store, monkeypatch):
    for method in ("hyperx-base", "mbert"):
        for spec in recipe.expand(method, setting="mixed", seeds=(1, 2)):
            counts = lambda task, code, s=spec.seed: [(1, 2, 2 + s)] * 9  # noqa: E731
            write_run(store, spec, lambda *_, s=spec.seed: 50 + s / 3, predictions=counts)
    damaged = store.root / "runs" / "0123456789ab"
    damaged.mkdir()

    def printed():
        commands = ("report --table 2 --format csv", "report --table 2", "runs list --json")
        return [(ended.code, ended.out, ended.err) for ended in (hxbench(*words.split()) for words in commands)]

    without = printed()
    assert not (store.root / "index.jsonl").exists()
    assert "50.5" in without[0][1]
    monkeypatch.setattr(index, "_WORTH_WRITING", 1)
    monkeypatch.setattr(index, "_SETTLED", -3600.0)
    assert printed() == without
    assert len((store.root / "index.jsonl").read_bytes().splitlines()) == 9
    read, themselves = folder.read_record, []

    def noted(run_id, *args, **options):
        themselves.append(run_id)
        return read(run_id, *args, **options)

    monkeypatch.setattr(folder, "read_record", noted)
    assert printed() == without
    assert set(themselves) == {damaged.name}

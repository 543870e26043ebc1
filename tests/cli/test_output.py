"""Rows for people: columns that fit the page, whatever the cells hold."""

from hxbench.cli import output
from hxbench.cli.output import print_columns, print_rows


def printed(capsys):
    return capsys.readouterr().out.splitlines()


def test_numbers_stand_to_the_right_and_no_line_ends_in_blanks(capsys):
    print_rows(
        [{"id": "a", "n": 5, "x": 1.25, "more": ["b", "c"]}, {"id": "bcd", "n": 100, "x": None, "more": ""}], False
    )
    assert printed(capsys) == ["id     n    x  more", "a      5  1.2  b, c", "bcd  100    –"]


def test_long_cells_go_on_below_and_short_columns_stay_whole(capsys):
    row = {"id": "219a97ce16b0", "about": "word " * 40, "path": "x" * 70}
    print_rows([row], False, width=80)
    lines = printed(capsys)
    assert max(map(len, lines)) <= 80
    assert lines[1].startswith("219a97ce16b0  word word")
    assert all(line.startswith(" " * 14) for line in lines[2:])
    assert "".join(lines).count("word") == 40
    assert "".join(lines).count("x") == 70


def test_a_name_goes_on_below_behind_a_hyphen(capsys):
    print_rows([{"run": "sandbox-t5-small", "about": "word " * 9}], False, width=34)
    assert [line[:14].rstrip() for line in printed(capsys)] == ["run", "sandbox-t5-", "small", ""]


def test_no_column_is_narrower_than_its_name_or_fourteen_letters(capsys):
    rows = [{f"column number {n}": "some words of a cell" for n in range(8)}]
    print_rows(rows, False, width=60)
    lines = printed(capsys)
    assert lines[0] == "  ".join(rows[0])
    assert [line.split() for line in lines[1:3]] == [["some", "words", "of", "a"] * 8, ["cell"] * 8]


def test_a_cell_is_text_and_no_markup(capsys):
    print_rows([{"[/b]": "[bold]x[/bold] :smile:", "n": "1\x1b[31m"}], False)
    lines = printed(capsys)
    assert lines[0].split() == ["[/b]", "n"]
    assert lines[1].startswith("[bold]x[/bold] :smile:")
    assert "\x1b" not in lines[1]


def test_colours_and_the_width_of_a_terminal_change_nothing(capsys, monkeypatch):
    row = {"id": "a" * 30, "about": "b" * 60}
    print_rows([row], False)
    plain = printed(capsys)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    print_rows([row], False)
    assert printed(capsys) == plain


def test_columns_without_names(capsys):
    print_columns([["parameters", "1,000"], ["  of them", "20"]], (False, True))
    assert printed(capsys) == ["parameters  1,000", "  of them      20"]


def test_nothing_to_list(capsys):
    print_rows([], False, empty="No runs.")
    print_rows([], True)
    assert printed(capsys) == ["No runs.", "[]"]


def test_cells_that_fit_are_printed_as_if_they_had_to_be_broken(capsys, monkeypatch):
    rows = [{"id": f"run-{n}", "n": 10**n, "x": n / 3, "é": "–" * n, "text": " two  blanks"} for n in range(4)]
    print_rows(rows, False)
    plain = printed(capsys)
    monkeypatch.setattr(output, "_as_wide_as_they_are", lambda *_: [])
    print_rows(rows, False)
    assert printed(capsys) == plain
    assert plain[0] == "id        n    x  é    text"

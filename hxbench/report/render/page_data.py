"""What a page holds of tables, figures and runs, as plain data: the numbers and words of the same `walk`.

Nothing is computed here but what a number looks like. Keys are short, and what is empty is left out, for all of it
is read by the page's own script (`templates/page.js` has the names of the keys).
"""

import gzip
from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from hxbench.report.artifact.figure import Figure, Panel, Series
from hxbench.report.artifact.table import UNITS, Cell, Column, Kind, Table, format_value
from hxbench.report.everything import Part
from hxbench.report.paper import paper_file
from hxbench.report.registry import Made
from hxbench.report.render import latex, markdown, unrounded
from hxbench.report.render.facets import Vocabulary
from hxbench.report.render.walk import Line, Words, has_runs, heads, place_of, walk
from hxbench.report.scores.curves import curves_of
from hxbench.store import RunRecord
from hxbench.store.files import to_json

Tree = dict[str, Any]
FIELDS = ("method", "setting", "seed", "backbone", "more")  # of a run
COPIES = {"CSV": unrounded.render_csv, "LaTeX": latex.render, "Markdown": markdown.render}


def _tree(**values: Any) -> Tree:
    """Return what is not empty; 0 is a number like others."""
    numbers = {name for name, value in values.items() if isinstance(value, int | float) and value is not False}
    return {name: value for name, value in values.items() if value or name in numbers}


def _words(words: Words) -> Tree:
    return _tree(t=words.text, m=list(words.marks), b=words.bold, s=words.sd, e=words.ends)


class PartData:
    """The data of one part, in which runs are named by their places in `ids`."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.ids = sorted(part.records)
        self._places = {run_id: place for place, run_id in enumerate(self.ids)}
        self.vocabulary = Vocabulary.of(part.records.values(), paper_file(part.paper).tasks)
        self._methods = {title: method for method, title in part.titles.items()}

    def runs(self) -> Tree:
        """Return what identifies each run, a list a field, and the titles of methods."""
        facts = [_facts(self.part.records[run_id]) for run_id in self.ids]
        fields = {name: _told([one[name] for one in facts]) for name in FIELDS}
        return {"id": self.ids, "titles": dict(self.part.titles), **fields}

    def curves(self) -> Tree:
        """Return the curves of all runs by "task language", and which language each code stands for.

        Of a training [run, [step, score, step, score, …]]; of a few-shot run [run, k, draw, score, the run that it
        started from, the score that one had].
        """
        found = curves_of([self.part.records[run_id] for run_id in self.ids])
        training = {
            " ".join(pair): [
                [self._places[run], [one for point in points for one in point]] for run, points in of.items()
            ]
            for pair, of in found.training.items()
        }
        shots = {
            " ".join(pair): [
                [self._places[one.run], one.k, one.draw, one.score, self._places.get(one.start), one.zero]
                for one in of
            ]
            for pair, of in found.shots.items()
        }
        codes = {code for _, code in (*found.training, *found.shots)}
        known = {code: self.vocabulary.languages.get(code, code) for code in sorted(codes)}
        return {"training": training, "shots": shots, "as": known}

    def artifact(self, made: Made) -> Tree:
        """Return an artifact: its tables and figures, and the commands that make its runs."""
        return _tree(
            tables=[self._table(table) for table in made.tables],
            figures=[self._figure(figure) for figure in made.figures],
            make=list(self.part.commands.get(made.artifact.name, ())),
        )

    def _table(self, table: Table) -> Tree:
        about = self._about(table.title)
        columns = [
            _tree(
                g=group, u=UNITS[column.kind], k=column.kind, **_words(words), **self._about(group, column.title)
            )
            for column, (group, words) in zip(table.columns, heads(table), strict=True)
        ]
        blocks = [
            {"rows": [self._row(line, table) for line in lines], **_tree(t=title, **self._about(title))}
            for title, lines in walk(table)
        ]
        return _tree(
            name=table.name, title=table.title, stub=table.stub, columns=columns, blocks=blocks,
            heading=list(table.heading), notes=[list(note) for note in table.notes], remarks=list(table.remarks),
            lacking=list(table.commands), **about,
        )  # fmt: skip

    def _about(self, *titles: str) -> Tree:
        """Return the tasks, languages and methods that titles name."""
        tasks = [task for title in titles for task in self.vocabulary.tasks_in(title)]
        languages = [code for title in titles for code in self.vocabulary.languages_in(title)]
        methods = [self._methods[title] for title in titles if title in self._methods]
        return _tree(T=list(dict.fromkeys(tasks)), L=list(dict.fromkeys(languages)), M=methods)

    def _about_each(self, places: Iterable[str]) -> list[Tree]:
        found = [self._about(place) for place in places]
        return found if any(found) else []

    def _row(self, line: Line, table: Table) -> Tree:
        about = self._about(line.title.text)
        cells = [self.cell(place.cell, place.column) for place in line.places]
        return _tree(**_words(line.title), c=cells, W=not has_runs(line.row, table.columns), **about)

    def cell(self, cell: Cell, column: Column) -> Tree:
        """Return a cell: what is printed of it, and what is not."""
        place, kind = place_of(cell, column), column.kind
        return _tree(
            **_words(place.ours),
            p=_words(place.paper) if place.paper else None,
            v=cell.mean, sd=cell.sd, lo=cell.low, hi=cell.high, n=cell.n if cell.mean is not None else None,
            pv=cell.published,
            x=cell.text is not None, plateau=cell.on_plateau or None,
            S=[[seed, value, format_value(value, kind)] for seed, value in cell.seeds],
            r=self._runs(cell.runs),
        )  # fmt: skip

    def _runs(self, ids: Iterable[str]) -> list[int]:
        return [self._places[run] for run in ids if run in self._places]

    def _figure(self, figure: Figure) -> Tree:
        return _tree(
            about=self._about_each(figure.places), **self._about(figure.title),
            title=figure.title, kind=figure.kind, stub=figure.stub, places=list(figure.places), axis=figure.axis,
            at=list(figure.at), columns=figure.columns, quantity=figure.quantity, caption=list(figure.caption),
            ours=figure.ours, measured=figure.measured,
            panels=[self._panel(panel, figure.quantity) for panel in figure.panels],
        )  # fmt: skip

    def _panel(self, panel: Panel, kind: Kind) -> Tree:
        about = _tree(
            about=self._about_each(panel.places), **self._about(panel.title),
            title=panel.title, metric=panel.metric, said=panel.said, places=list(panel.places), at=list(panel.at),
            axis=panel.axis, floor=panel.floor, front=[list(point) for point in panel.front],
        )  # fmt: skip
        return {"series": [self._series(one, kind) for one in panel.series], **about}

    def _series(self, series: Series, kind: Kind) -> Tree:
        column = Column("", kind=kind)
        return _tree(
            t=series.title or " ", c=[self.cell(cell, column) for cell in series.cells], at=list(series.at),
            points=[list(point) for point in series.points], areas=list(series.areas),
            runs=[self._runs(ids) for ids in series.runs], **self._about(series.title),
            rings=[list(ring) for ring in series.rings],
            level=self.cell(series.level, column) if series.level else None,
        )  # fmt: skip


def _told(values: list[Any]) -> Tree:
    """Return values that are often the same as those there are, and which of them each is."""
    there = list(dict.fromkeys(values))
    places = {value: place for place, value in enumerate(there)}
    return {"is": there, "at": [places[value] for value in values]}


def _facts(record: RunRecord) -> Tree:
    """Return what tells a run from others."""
    fields = record.fields
    data, backbone, shot = (fields.get(name) or {} for name in ("data", "backbone", "few_shot"))
    tasks = [fields.get("task"), *(fields.get("together") or ()), *(fields.get("transfer") or ())]
    words = [
        str(fields.get("suite") or ""),
        ", ".join(str(task) for task in tasks if task),
        f"partition {fields['partition']}" if fields.get("partition") else "",
        f"{data['train_examples']} examples" if data.get("train_examples") else "",
        f"{data['train_share']:.0%} of the examples" if data.get("train_share") else "",
        "random weights" if backbone.get("weights") == "random" else "",
        f"{shot['task']} {shot['language']}, k = {shot['k']}, draw {shot['draw']}" if shot else "",
    ]
    return {
        "method": str(fields.get("method")),
        "setting": str(fields.get("setting")),
        "seed": fields.get("seed"),
        "backbone": str(backbone.get("name")),
        "more": "; ".join(filter(None, words)),
    }


def copies(made: Made) -> str:
    """Return each table as text in the formats that it can be copied in: JSON, packed for its size, in letters."""
    texts = [{name: render([table]) for name, render in COPIES.items()} for table in made.tables]
    return b64encode(gzip.compress(to_json(texts).encode(), mtime=0)).decode()


def title_of(made: Made) -> str:
    """Return what an artifact is called among those of its paper."""
    artifact = made.artifact
    if not artifact.number.isdigit():
        return artifact.title
    return f"{artifact.kind.title()} {artifact.number}: {artifact.title.partition(' (')[0]}"

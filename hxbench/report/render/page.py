"""One HTML page of everything that is shown, to sort, filter and open: no server, nothing loaded from elsewhere.

The numbers are data in it, JSON by artifact. Its script makes tables and pictures of what is looked at.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from hxbench import __version__
from hxbench.report.everything import Part
from hxbench.report.registry import PAPERS
from hxbench.report.render.page_data import PartData, Tree, copies, title_of
from hxbench.store.files import to_json

_NOTHING = "base-uri 'none'; form-action 'none'"
_SCRIPTS = ("page.js", "charts.js", "tables.js", "details.js")


def _in_script(value: Any) -> str:
    """Return JSON that no text in it can end the element of, whoever has written it."""
    return to_json(value).replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _cells(tree: Tree) -> Iterable[tuple[Tree, Tree, Tree, Tree]]:
    """Yield each cell of an artifact with what is said of its column, its row and its block.

    In a figure these are its place, series and panel; a point is a cell of nothing but runs.
    """
    for table in tree.get("tables", []):
        for block in table.get("blocks", []):
            around = {**table, **block}
            for row in block["rows"]:
                for column, cell in zip(table.get("columns", []), row.get("c", []), strict=True):
                    yield cell, column, row, around
    for figure in tree.get("figures", []):
        for panel in figure["panels"]:
            around = {**figure, **panel}
            places: list[Tree] = (panel if "places" in panel else figure).get("about", [])
            for series in panel["series"]:
                cells: list[Tree] = series.get("c", [])
                for place, cell in zip_longest(places, cells, fillvalue=Tree()):
                    yield cell, place, series, around
                for runs in series.get("runs", ()):
                    yield {"r": runs}, {}, series, around


def _about(tree: Tree, runs: Tree) -> dict[str, list[Any]]:
    """Return the values of each filter that an artifact has something of."""
    found: dict[str, dict[Any, None]] = {name: {} for name in ("method", "task", "language", "backbone", "seed")}
    for cell, *around in _cells(tree):
        for name in ("method", "backbone", "seed"):
            values = runs[name]
            found[name] |= dict.fromkeys(values["is"][values["at"][run]] for run in cell.get("r", ()))
        for one in around:
            for name, key in (("task", "T"), ("language", "L"), ("method", "M")):
                found[name] |= dict.fromkeys(one.get(key, ()))
    return {name: list(values) for name, values in found.items() if values}


def _reality(part: Part) -> int:
    """Return how near the data and the scale of a part are to a paper's; a profile of the user's own is as lab."""
    return 0 if part.synthetic else 2 if part.profile == "paper" else 1


def render_page(title: str, parts: Sequence[Part]) -> str:
    """Return the page of these parts. Every text is escaped, whoever has written it."""
    environment = Environment(
        loader=PackageLoader("hxbench.report.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def source(name: str) -> str:
        return environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]

    style, script = source("page.css"), "".join(map(source, _SCRIPTS))
    blocks: dict[str, str] = {}
    index: dict[str, Any] = {"title": title, "version": __version__, "parts": [], "languages": {}, "tasks": {}}
    papers = list(PAPERS)
    opened = -1
    for part in sorted(parts, key=lambda one: (papers.index(one.paper), -_reality(one))):
        data = PartData(part)
        runs, items = data.runs(), []
        for made in part.made:
            name, tree = f"{part.name}/{made.artifact.name}", data.artifact(made)
            filled = any("v" in cell for cell, *_ in _cells(tree))
            items.append({"id": name, "title": title_of(made), "filled": filled, **_about(tree, runs)})
            blocks[name] = _in_script(tree)
            blocks[f"copy:{name}"] = _in_script(copies(made))
            if filled and _reality(part) > opened:
                opened, index["first"] = _reality(part), name
        blocks[f"runs:{part.name}"] = _in_script(runs)
        blocks[f"curves:{part.name}"] = _in_script(data.curves())
        index["languages"] |= data.vocabulary.names
        index["tasks"] |= data.vocabulary.titles
        index["parts"].append(
            {
                "name": part.name,
                "paper": PAPERS[part.paper],
                "profile": part.profile,
                "heading": part.heading,
                "synthetic": part.synthetic,
                "items": items,
            }
        )
    blocks["index"] = _in_script(index)
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; {_NOTHING}"
    return environment.get_template("page.html").render(
        title=title, style=style, script=script, policy=policy, blocks=blocks
    )

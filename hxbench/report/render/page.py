"""One HTML page with everything in it: no script, no font, no address outside of it."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from hxbench import __version__
from hxbench.report.registry import PAPERS, Made
from hxbench.report.render.html_table import said_html, table_html
from hxbench.report.render.inline_svg import inline_svg

_KEY = (
    "Where scores of runs are shown: large, ours, mean and sample standard deviation over the seeds, the best in "
    "bold; small and grey, the published value; a dash, no score, for the reason in the footnote. What is printed "
    "from the paper alone says so."
)


def _listed(texts: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<ul class="heading">{items}</ul>' if items else ""


def _section(made: Made, svgs: Mapping[str, str]) -> str:
    first = made.tables[0]
    alone = len(made.tables) == 1
    parts = [
        f'<section id="{escape(made.artifact.name)}">',
        f"<h2>{escape(_title(made))}</h2>",
        _listed(first.heading),
    ]
    for figure in made.figures:
        parts.append(f"<figure>{inline_svg(svgs[figure.name], figure.name, figure.title)}</figure>")
    for table in made.tables:
        parts += [] if alone else [f"<h3>{escape(table.title)}</h3>"]
        parts += [] if table.heading == first.heading else [_listed(table.heading)]
        if made.figures:
            parts.append(f"<details open><summary>The points as a table</summary>{table_html(table)}</details>")
        else:
            parts.append(table_html(table))
        parts.append(said_html(table))
    return "\n".join([*parts, "</section>"])


def _title(made: Made) -> str:
    artifact = made.artifact
    if len(made.tables) == 1:
        return made.tables[0].title
    if not artifact.number.isdigit():
        return artifact.title
    about, _, _ = artifact.title.partition(" (")
    return f"{PAPERS[artifact.paper]}, {artifact.kind.title()} {artifact.number}: {about[0].lower()}{about[1:]}"


def render_page(title: str, profile: str, synthetic: bool, made: Sequence[Made], svgs: Mapping[str, str]) -> str:
    """Return the page of these artifacts; `profile` is the line that says what the numbers come from.

    `svgs` are the pictures of the figures by their names.
    """
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    links = "".join(f'<li><a href="#{escape(one.artifact.name)}">{escape(_title(one))}</a></li>' for one in made)
    sections = "\n".join(_section(one, svgs) for one in made)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<p class="profile{" synthetic" * synthetic}">{escape(profile)}</p>
<p>{_KEY}</p>
</header>
<nav aria-label="Contents"><ul>{links}</ul></nav>
<main>
{sections}
</main>
<footer>hxbench {escape(__version__)}</footer>
</body>
</html>
"""

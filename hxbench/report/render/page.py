"""The HTML page of artifacts, from a template; a picture becomes part of it."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from jinja2 import Environment, PackageLoader, StrictUndefined

from hxbench import __version__
from hxbench.report.registry import PAPERS, Made
from hxbench.report.render.walk import heads, spans, walk

# of a picture: what only a file of its own needs
_HEAD = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_SPACES = re.compile(r'\sxmlns(?::\w+)?="[^"]*"')
_SIZE = re.compile(r'(<svg\b[^>]*?)\swidth="[^"]*"\sheight="[^"]*"')
_NAMED = re.compile(r'(\bid="|href="#|url\(#)')


def inline_svg(svg: str, name: str) -> str:
    """Return a picture of ours as an element of a page; `name` keeps its ids apart from those of others."""
    svg = _SPACES.sub("", _HEAD.sub("", svg)).replace("xlink:href=", "href=")
    svg = _NAMED.sub(lambda found: f"{found[1]}{escape(name)}-", svg)
    return _SIZE.sub(r"\1", svg, count=1).strip()


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

    `svgs` are the pictures of the figures by their names. Every text is escaped, whoever has written it.
    """
    page = Environment(
        loader=PackageLoader("hxbench.report.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).get_template("page.html")
    return page.render(
        title=title,
        profile=profile,
        synthetic=synthetic,
        made=made,
        version=__version__,
        picture=lambda name: inline_svg(svgs[name], name),
        title_of=_title,
        heads=heads,
        spans=spans,
        walk=walk,
    )

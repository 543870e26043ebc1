"""A picture of ours as part of a page: without what only a file needs, and with names of its own."""

import re
from html import escape

_HEAD = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_SPACES = re.compile(r'\sxmlns(?::\w+)?="[^"]*"')
_SIZE = re.compile(r'(<svg\b[^>]*?)\swidth="[^"]*"\sheight="[^"]*"')
_NAMED = re.compile(r'(\bid="|href="#|url\(#)')


def inline_svg(svg: str, name: str, title: str) -> str:
    """Return the `svg` element; `name` keeps its ids apart from those of other pictures on the page."""
    svg = _SPACES.sub("", _HEAD.sub("", svg)).replace("xlink:href=", "href=")
    svg = _NAMED.sub(lambda found: f"{found[1]}{escape(name)}-", svg)
    label = f' role="img" aria-label="{escape(title)}"'
    return _SIZE.sub(lambda found: found[1] + label, svg, count=1).strip()

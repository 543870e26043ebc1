"""One file over HTTP: resumed where it broke, tried again when the network fails, never half-written in its place.

What has arrived stands in `<file>.part`, with the server's entity tag in `<file>.part.etag`: a later call, or a
later process, asks only for the rest, and starts over where the server's file is another one by then.

This is our own where pooch 1.9 is the usual library: that one begins again at the first byte after a broken
connection, lets several processes fetch the same file at once, and is made for files of known SHA-256, which no
server of ours publishes (a treebank is pinned by the commit in its address). The hub's client asks hubs alone.
"""

import time
from collections.abc import Callable
from pathlib import Path

from hxbench import network
from hxbench.errors import InputError
from hxbench.system_errors import cannot_write, is_of_a_file

Progress = Callable[[str, int, int | None], None]
"""Called with what is fetched, how much of it has come, and how much it is in all (None where unknown)."""

_BLOCK = 2**18  # bytes
_TIMEOUT = 30.0  # seconds without a byte
_TRIES = 6
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # statuses worth another try


class _BrokenError(Exception):
    """The transfer ended early or made no sense; what came is kept or dropped, and the next try goes on."""


def download(url: str, target: Path, progress: Progress | None = None, *, pause: float = 1.0) -> bool:
    """Put the file at `url` into `target`, unless it is there; the last step is a rename of the complete file.

    Return whether the server has it: not at HTTP 404. A failed try is followed by another after `pause` seconds,
    then twice that, and so on, six tries in all. Raises `InputError` for a refusal, for a disk that takes no more,
    and when all tries failed. Processes that want the same file wait for the first.
    """
    import http.client
    import urllib.error

    from filelock import FileLock

    network.require_plain_proxy(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):
        if target.exists():
            return True
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(pause * 2 ** (attempt - 1))
            try:
                _transfer(url, target, progress)
                return True
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return False
                if error.code not in _PASSING:
                    raise InputError(f"{url} was refused with HTTP {error.code} {error.reason}.") from None
                reason = f"HTTP {error.code} {error.reason}"
            except urllib.error.URLError as error:
                reason = str(error.reason)
            except (_BrokenError, http.client.HTTPException, OSError) as error:
                if isinstance(error, OSError) and is_of_a_file(error):  # which no further try would mend
                    raise cannot_write(target, error) from error
                reason = str(error) or type(error).__name__
        raise InputError(
            f"{url} could not be fetched in {_TRIES} tries (last: {reason}); "
            "the same command goes on where this one stopped."
        )


def _transfer(url: str, target: Path, progress: Progress | None) -> None:
    """Ask for what is not there yet, and rename the file once it has its full size."""
    import urllib.error
    import urllib.request

    part = target.with_name(f"{target.name}.part")
    tag_file = target.with_name(f"{target.name}.part.etag")
    have = part.stat().st_size if part.exists() else 0
    tag = tag_file.read_text(encoding="utf-8") if tag_file.exists() else ""
    # Compressed transfers have no byte ranges of the file itself.
    headers = {"Accept-Encoding": "identity", "User-Agent": "hxbench"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag and not tag.startswith("W/"):  # a weak tag may not stand in If-Range
            headers["If-Range"] = tag
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part is no beginning of the server's file
            part.unlink(missing_ok=True)
            raise _BrokenError("the server has fewer bytes than the part that was here") from None
        raise
    with answer:
        new_tag = answer.headers.get("ETag") or ""
        if answer.status == 206:
            total = _continues(answer.headers.get("Content-Range"), have)
            if total is None or (tag and new_tag and tag != new_tag):
                part.unlink()
                raise _BrokenError("the file changed between two tries")
        else:
            have = 0
            length = answer.headers.get("Content-Length")
            total = int(length) if length is not None else None
        tag_file.write_text(new_tag, encoding="utf-8")
        with part.open("ab" if have else "wb") as stream:
            while block := answer.read(_BLOCK):
                stream.write(block)
                have += len(block)
                if progress:
                    progress(target.name, have, total)
    if total is not None and have < total:
        raise _BrokenError(f"the connection ended after {have} of {total} bytes")
    if total is not None and have > total:
        part.unlink()
        raise _BrokenError(f"{have} bytes came where {total} were announced")
    part.replace(target)
    tag_file.unlink(missing_ok=True)


def _continues(content_range: str | None, have: int) -> int | None:
    """Return the full size from `bytes 5-9/10` if it goes on at byte `have`, else None."""
    unit, _, rest = (content_range or "").partition(" ")
    span, _, size = rest.partition("/")
    first = span.partition("-")[0]
    if unit != "bytes" or not first.isdigit() or int(first) != have or not size.isdigit():
        return None
    return int(size)

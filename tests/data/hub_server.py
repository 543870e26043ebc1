"""A small server on 127.0.0.1 that speaks the file protocols of the Hugging Face hub and of a raw-file site.

Repositories are dictionaries of bytes made by the test. `/datasets/<repo>/resolve/<revision>/<file>` and
`/ud/<path>` answer HEAD and GET with ETag and byte ranges; `/api/datasets/<repo>/…` answers what the client asks
about revisions, trees and paths. Models are served alike, at `/<repo>/resolve/…` and `/api/models/<repo>/…`. Every
request is recorded; `break_once` and `reset_once` cut the next GET of a file short.
"""

import hashlib
import io
import json
import os
import socket
import struct
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


def parquet(rows_per_group=None, **columns):
    """Return a Parquet file of these columns."""
    import pyarrow
    from pyarrow.parquet import write_table

    sink = io.BytesIO()
    write_table(pyarrow.table(columns), sink, row_group_size=rows_per_group)
    return sink.getvalue()


class Site:
    def __init__(self):
        self.commits = {}  # repository → commit
        self.datasets = {}  # repository → {path: bytes}
        self.models = {}  # the same for models
        self.raw = {}  # path below /ud/ → bytes
        self.requests = []  # (method, path, Range header or None, If-Range header or None)
        self.break_once = {}  # end of a path → bytes to send before the connection is cut
        self.reset_once = {}  # the same, but it is reset
        self.fail_once = {}  # end of a path → status to answer first
        self.ignore_ranges = False
        self.url = ""

    def gets(self, ending):
        return [r for r in self.requests if r[0] == "GET" and r[1].endswith(ending)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    @property
    def site(self):
        return self.server.site

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(json.loads(body or b"{}"))

    def answer(self, body=None):
        path = unquote(urlsplit(self.path).path)
        self.site.requests.append((self.command, path, self.headers.get("Range"), self.headers.get("If-Range")))
        for ending, status in list(self.site.fail_once.items()):
            if path.endswith(ending):
                del self.site.fail_once[ending]
                return self.send(status, b"not now")
        if path.startswith("/ud/"):
            return self.send_file(self.site.raw.get(path.removeprefix("/ud/")), path)
        for kind, start in (("datasets", "/api/datasets/"), ("models", "/api/models/")):
            if path.startswith(start):
                return self.api(getattr(self.site, kind), path.removeprefix(start).split("/"), body)
        if "/resolve/" in path:
            kept = self.site.datasets if path.startswith("/datasets/") else self.site.models
            repository, _, rest = path.removeprefix("/datasets").removeprefix("/").partition("/resolve/")
            revision, _, file = rest.partition("/")
            return self.resolve(kept, repository, revision, file, path)
        return self.send(404, b"")

    def resolve(self, kept, repository, revision, file, path):
        commit = self.known(repository, revision)
        if commit is None:
            return None
        content = kept[repository].get(file)
        if content is None:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        return self.send_file(content, path, {"X-Repo-Commit": commit})

    def api(self, kept, parts, body):
        repository, verb = "/".join(parts[:2]), parts[2] if len(parts) > 2 else "revision"
        revision = parts[3] if len(parts) > 3 else "main"
        commit = self.known(repository, revision)
        if commit is None:
            return None
        files = kept[repository]
        if verb == "revision":
            about = {"id": repository, "sha": commit, "siblings": [{"rfilename": f} for f in files], "tags": []}
            about |= {"private": False, "disabled": False, "gated": False, "downloads": 0, "likes": 0}
            return self.send_json(about)
        wanted = (body or {}).get("paths") if verb == "paths-info" else ["/".join(parts[4:])]
        entries = [
            {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
            for name, data in files.items()
            if any(name == w or not w or name.startswith(f"{w}/") for w in wanted)
        ]
        if not entries and verb == "tree":
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
        return self.send_json(entries)

    def known(self, repository, revision):
        """Return the commit, or answer 404 the hub's way."""
        commit = self.site.commits.get(repository)
        if commit is None:
            self.send(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("main", commit):
            self.send(404, b"", {"X-Error-Code": "RevisionNotFound"})
            return None
        return commit

    def send_json(self, data):
        self.send(200, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def send_file(self, content, path, headers=None):
        if content is None:
            return self.send(404, b"404: Not Found")
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes", **(headers or {})}
        span = self.headers.get("Range")
        if span and not self.site.ignore_ranges and self.headers.get("If-Range", tag) == tag:
            first, _, last = span.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1 if last else len(content), len(content))
            if start >= len(content):
                return self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
            return self.send(206, content[start:stop], headers, path)
        return self.send(200, content, headers, path)

    def send(self, status, content, headers=None, path=""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        for ending, size in list(self.site.break_once.items()):
            if path.endswith(ending):
                del self.site.break_once[ending]
                content = content[:size]
                self.close_connection = True
        for ending, size in list(self.site.reset_once.items()):
            if path.endswith(ending):
                del self.site.reset_once[ending]
                self.wfile.write(content[:size])
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())  # at once, with no end of the stream before it
                self.close_connection = True
                return
        self.wfile.write(content)
        return


@contextmanager
def serve():
    """Yield a `Site` that is being served at `site.url`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.site = site = Site()
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

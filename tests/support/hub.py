"""A hub of weights on 127.0.0.1: releases, repositories, redirects, and connections that break."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from curated.models.hubs import Hubs


@dataclass
class Hub:
    """`files` by path; `cuts` says at which byte of a path its next answers break off, `lies` which sha256 it has."""

    files: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=dict)
    lies: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    address: str = ""

    @property
    def hubs(self) -> Hubs:
        return Hubs(releases=f"{self.address}/releases", repositories=self.address)

    def ranges(self, path: str) -> list[str]:
        """What was asked of that path: "" or a range, one for each request."""
        return [asked for each, asked in self.asked if each == path]


@contextmanager
def open_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            hub.asked.append((self.path, asked))
            path = self.path.removeprefix("/bytes")
            content = hub.files.get(path)
            if content is None:
                self.send_error(404)
                return
            digest = hub.lies.get(path, hashlib.sha256(content).hexdigest())
            if "/resolve/" in self.path and self.path == path and path.endswith((".bin", ".safetensors")):
                self.send_response(302)
                self.send_header("Location", f"/bytes{path}")
                self.send_header("X-Linked-ETag", f'"{digest}"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            start = int(asked[len("bytes=") : -1]) if asked and self.headers.get("If-Range") == etag else 0
            self.send_response(206 if start else 200)
            self.send_header("ETag", etag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            cuts = hub.cuts.get(path)
            self.wfile.write(content[start : cuts.pop(0) if cuts else None])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

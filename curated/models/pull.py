"""Fetching the weights of `full`: the only code of this program that opens a connection, in a process of its own.

`pull` starts `python -m curated.models.pull`, which reads from stdin what is wanted and writes to stdout what happens.
An unfinished file lies hidden beside its place and is gone on with next time; only one whose sha256 is right is placed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pickle
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO, Literal

import msgspec

from curated import __version__
from curated.config import Models
from curated.errors import EXIT_INTERRUPTED, CuratedError
from curated.models.formats import what_is_wrong
from curated.models.hubs import Hubs, Source, Weights, published
from curated.models.weights import Weight, list_weights, verify
from curated.state.rows import printable

_CHUNK = 1 << 20
_PATIENCE = 30.0
_TRIES = 4
_PAUSE = 0.125
_TELL_SECONDS = 0.1
_OUR_DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Said(msgspec.Struct, frozen=True):
    """What happens: a file is begun, grows (`done` of `total` bytes, 0 if unknown), is placed; or all has failed."""

    what: Literal["begun", "grown", "placed", "failed"]
    name: str
    detail: str = ""
    done: int = 0
    total: int = 0


Tell = Callable[[Said], None]


class _NotThere(CuratedError):
    """The hub has no such file."""


class _Cut(CuratedError):
    """The hub cannot be reached, or the connection broke."""


# -- the side that asks for it -----------------------------------------------------------------------------


def wanted(models: Models, hubs: Hubs) -> tuple[Weights, ...]:
    """The weights that are not on disk, or damaged there. Raises ConfigError naming the key."""
    there = {weight.name: weight for weight in list_weights(models) if weight.profile == "full"}
    return tuple(each for each in published(models.full, hubs) if not _is_good(there[each.name]))


def _is_good(weight: Weight) -> bool:
    return weight.path is not None and what_is_wrong(weight.path) is None and verify(weight) is None


def pull(weights: tuple[Weights, ...]) -> Iterator[Said]:
    """Fetch them in a child process; what it says, as it says it.

    Raises CuratedError with one line that says what went wrong and how to fetch them by hand.
    """
    failure, ended = "", False
    with subprocess.Popen(
        # -P: a file named like a module in the working directory must not be run in its place.
        [sys.executable, "-P", "-m", "curated.models.pull"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    ) as child:
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("the child has no pipes")
        try:
            with child.stdin as stream:
                stream.write(pickle.dumps(weights))  # paths are bytes, which JSON has not
            for line in child.stdout:
                said = msgspec.json.decode(line, type=Said)
                if said.what == "failed":
                    failure = said.detail
                else:
                    yield said
            ended = True
        finally:
            if not ended:
                child.kill()  # what it has fetched stays for the next time
    if child.returncode == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if failure or child.returncode:
        raise CuratedError(failure or f"fetching ended with code {child.returncode}")


# -- the child ---------------------------------------------------------------------------------------------


def main() -> None:
    """Fetch what the parent names."""

    def tell(said: Said) -> None:
        try:
            sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # nobody wants it any more
            os._exit(1)

    task: tuple[Weights, ...] = pickle.load(sys.stdin.buffer)
    try:
        for weights in task:
            _fetch_all(weights, tell)
    except _Cut as error:
        by_hand = ", ".join(f"{each.page} ({each.key})" for each in task)
        tell(Said("failed", "", f"{error}; try again later, or fetch by hand and give the paths: {by_hand}"))
        sys.exit(1)
    except CuratedError as error:
        tell(Said("failed", "", str(error)))
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        tell(Said("failed", "", printable(f"{where}{error.strerror or error}")))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _fetch_all(weights: Weights, tell: Tell) -> None:
    for source in weights.needed:
        _fetch(source, weights, tell)
    for source in weights.perhaps:
        with contextlib.suppress(_NotThere):
            _fetch(source, weights, tell)
    *others, last = weights.choices
    for source in others:
        try:
            _fetch(source, weights, tell)
        except _NotThere:
            continue
        return
    _fetch(last, weights, tell)


def _fetch(source: Source, weights: Weights, tell: Tell) -> None:
    """Fetch one file, look whether it is what it should be, and only then put it in its place."""
    part = source.target.with_name(f".{source.target.stem}.part{source.target.suffix}")
    part.parent.mkdir(parents=True, exist_ok=True)
    said, stuck = None, 0
    while True:
        before = _size(part)
        try:
            said = _download(source, part, weights, tell)
            break
        except _Cut:
            stuck = 0 if _size(part) > before else stuck + 1
            if stuck == _TRIES or not part.exists():
                raise
            time.sleep(_PAUSE * 2**stuck)
    wanted_hash = source.sha256 or said
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    is_weights = source in weights.choices
    wrong = what_is_wrong(part) if is_weights else None
    if wanted_hash is not None and wanted_hash != found:
        wrong = f"has another content than was published (sha256 {found}, not {wanted_hash})"
    if wrong:
        _forget(part)
        raise CuratedError(f"{weights.key}: {source.url} {wrong}; nothing of it was kept")
    if is_weights:
        _write(source.target.with_name(f"{source.target.name}.sha256"), f"{found}  {source.target.name}\n")
    part.replace(source.target)
    _forget(part)
    tell(Said("placed", source.target.name, printable(os.fspath(source.target)), done=source.target.stat().st_size))


def _download(source: Source, part: Path, weights: Weights, tell: Tell) -> str | None:
    """Bring the unfinished file to its full length; the sha256 that the hub says it has, if it says one.

    Raises _NotThere, _Cut, or CuratedError for any other answer than the file.
    """
    mark = part.with_name(f"{part.name}.etag")
    etag = mark.read_text("utf-8") if part.exists() and mark.exists() else ""
    have = part.stat().st_size if etag else 0
    headers = {"User-Agent": f"curated/{__version__}", "Accept-Encoding": "identity"}
    if have:
        # If-Range: another file under the same address comes whole, and is not glued to the old one's beginning.
        headers |= {"Range": f"bytes={have}-", "If-Range": etag}
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    try:
        with opener.open(urllib.request.Request(source.url, headers=headers), timeout=_PATIENCE) as response:
            if response.status != 206:
                have = 0
            _write(mark, response.headers.get("ETag", ""))
            _receive(response, part, have, source, tell)
            linked = redirects.linked or response.headers.get("X-Linked-ETag", "")
    except urllib.error.HTTPError as error:
        if error.code == 416:  # it was whole, or is another one by now
            _forget(part)
            raise _Cut(f"{source.url}: the unfinished file does not go on there") from error
        if error.code == 404:
            raise _NotThere(f"{weights.key}: there is no {source.url}; is the name right?") from error
        if error.code >= 500:
            raise _Cut(f"{source.url} answers {error.code} {error.reason}") from error
        raise CuratedError(
            f"{weights.key}: {source.url} answers {error.code} {error.reason}; fetch it by hand and give its path"
        ) from error
    except (OSError, HTTPException) as error:
        if isinstance(error, OSError) and (error.filename is not None or error.errno in _OUR_DISK):
            raise
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _Cut(f"{source.url} cannot be fetched ({reason})") from error
    found = linked.strip('"').lower()
    return found if _SHA256.fullmatch(found) else None


def _receive(response: HTTPResponse, part: Path, have: int, source: Source, tell: Tell) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length else 0
    name, told = source.target.name, 0.0
    tell(Said("begun", name, source.url, have, total))
    with part.open("r+b" if have else "wb") as stream:
        stream.seek(have)
        while chunk := response.read(_CHUNK):
            stream.write(chunk)
            have += len(chunk)
            if time.monotonic() - told > _TELL_SECONDS:
                tell(Said("grown", name, "", have, total))
                told = time.monotonic()
        stream.flush()
        os.fsync(stream.fileno())
    tell(Said("grown", name, "", have, total))
    if total and have < total:
        raise _Cut(f"{source.url}: the connection broke after {have:,} of {total:,} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects; the hub's first answer has the sha256 of the file that the next address only delivers."""

    linked = ""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        self.linked = self.linked or headers.get("X-Linked-ETag", "")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    part.with_name(f"{part.name}.etag").unlink(missing_ok=True)


if __name__ == "__main__":
    main()

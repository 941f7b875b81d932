"""Whatever a file holds, it is read or refused with a reason that a person understands."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import tarfile
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from curated.errors import PictureChanged, PictureError, PictureTooLarge, PictureTruncated, PictureUnreadable
from curated.pictures.decode import decode
from tests.support.pictures import (
    LIMITS,
    arrival,
    dng,
    encoded,
    exif,
    gif_that_says,
    png_that_says,
    read,
    scene,
    tiff_that_says,
    write,
)

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "hostile.tar.gz"
SCENE = scene(200, 150)
WHOLE = {
    "jpg": encoded(SCENE, "JPEG", exif=exif(6, taken="2020:01:01 10:00:00").tobytes()),
    "progressive.jpg": encoded(SCENE, "JPEG", progressive=True),
    "png": encoded(SCENE, "PNG"),
    "webp": encoded(SCENE, "WEBP"),
    "gif": encoded(SCENE.quantize(64), "GIF"),
    "tif": encoded(SCENE, "TIFF", compression="tiff_lzw"),
    "bmp": encoded(SCENE, "BMP"),
    "heic": encoded(SCENE, "HEIF"),
    "avif": encoded(SCENE, "AVIF", speed=10),
    "dng": dng(encoded(SCENE, "JPEG")),
}
CHANGES = st.sampled_from(("flip", "cut", "zero", "double", "random"))
# What only programmers understand: code, addresses, English exceptions.
BABBLE = re.compile(
    r"Error|Exception|object at|0x[0-9a-f]|Traceback|b'|<|\btag \d|\bNone\b|errno|_\w+\(", re.IGNORECASE
)


def refused(data: bytes, folder: Path, name: str = "picture.jpg") -> PictureError:
    with pytest.raises(PictureError) as caught:
        read(write(folder / name, data))
    check_words(caught.value.reason)
    return caught.value


def check_words(reason: str) -> None:
    assert 8 < len(reason) < 160
    assert not BABBLE.search(reason), reason


@pytest.mark.parametrize("name", ["jpg", "progressive.jpg", "png", "gif", "tif", "bmp"])
def test_a_picture_that_ends_early_is_truncated_and_may_be_tried_again(name: str, tmp_path: Path) -> None:
    for share in (0.5, 0.9):
        error = refused(WHOLE[name][: int(len(WHOLE[name]) * share)], tmp_path)
        assert isinstance(error, PictureTruncated) or name == "tif"
        if isinstance(error, PictureTruncated):
            assert "end before the picture does" in error.reason
            assert error.transient


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_at_any_place_is_refused_or_read(name: str, tmp_path: Path) -> None:
    data = WHOLE[name]
    for cut in {0, 1, 2, 3, 8, 12, 16, 20, 30, 64, 100, 200, *(len(data) * part // 23 for part in range(23))}:
        try:
            read(write(tmp_path / f"cut.{name}", data[:cut]))
        except PictureError as error:
            check_words(error.reason)


def test_damaged_checksums_and_headers_are_refused(tmp_path: Path) -> None:
    png = bytearray(WHOLE["png"])
    png[30] ^= 0xFF
    assert isinstance(refused(bytes(png), tmp_path), PictureUnreadable)
    for name, data in WHOLE.items():
        broken = data[:24] + bytes(len(data) - 24)
        refused(broken, tmp_path, f"broken.{name}")


@pytest.mark.parametrize(
    ("data", "error", "reason"),
    [
        (b"", PictureTruncated, "it is an empty file"),
        (bytes(50_000), PictureTruncated, "it begins with nothing but zeros: a download that never finished?"),
        (b"hello\n", PictureUnreadable, "it is plain text, not a picture"),
        (b"<!doctype html><title>404</title>", PictureUnreadable, "it is a web page, not a picture"),
        (b"\0\0\0\x1cftypisom\0\0\2\0isom", PictureUnreadable, "it is an MP4 video, not a picture"),
        (b"\xff\x0a\xfa\x7f\x01", PictureUnreadable, "it is a JPEG XL picture, a format that is not read here"),
        (bytes(600) + b"\1" * 9, PictureTruncated, "it begins with nothing but zeros: a download that never finished?"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(
    data: bytes, error: type[PictureError], reason: str, tmp_path: Path
) -> None:
    caught = refused(data, tmp_path)
    assert type(caught) is error
    assert caught.reason == reason


@pytest.mark.parametrize(
    "bomb",
    [
        png_that_says(50_000, 50_000),
        png_that_says(2**31 - 1, 2**31 - 1),
        gif_that_says(60_000, 60_000),
        tiff_that_says(100_000, 100_000),
        tiff_that_says(2**32 - 1, 2**32 - 1),
    ],
)
def test_a_bomb_is_refused_before_it_is_unpacked(bomb: bytes, tmp_path: Path) -> None:
    assert len(bomb) < 600
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error = refused(bomb, tmp_path)
    assert isinstance(error, PictureTooLarge)
    assert "megapixels; the limit (reading.pixel_limit) is 250" in error.reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def test_a_small_picture_that_says_it_is_large_but_allowed_is_truncated(tmp_path: Path) -> None:
    for data in (png_that_says(3000, 3000), tiff_that_says(3000, 3000)):
        assert not isinstance(refused(data, tmp_path), PictureTooLarge)


def test_a_file_replaced_or_altered_since_it_settled_is_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jpg", WHOLE["jpg"])
    known = arrival(path)
    assert decode(path, "0" * 64, known, LIMITS).picture.format == "JPEG"
    other = write(tmp_path / "b.jpg", WHOLE["jpg"])
    os.utime(other, ns=(known.mtime_ns, known.mtime_ns))
    other.replace(path)
    for stale in (known, replace(known, size=1), replace(arrival(path), mtime_ns=1)):
        with pytest.raises(PictureChanged, match="changed before it could be read") as caught:
            decode(path, "0" * 64, stale, LIMITS)
        assert caught.value.transient
    path.unlink()
    with pytest.raises(PictureChanged, match="removed"):
        decode(path, "0" * 64, known, LIMITS)


def test_large_device_and_inode_numbers_are_the_same_however_they_are_kept(tmp_path: Path) -> None:
    from curated.files import signed

    path = write(tmp_path / "a.jpg", WHOLE["jpg"])
    known = arrival(path)
    assert decode(path, "0" * 64, replace(known, inode=signed(known.inode)), LIMITS).picture.width


def test_fifos_links_folders_and_sockets_are_never_opened(tmp_path: Path) -> None:
    import socket

    real = write(tmp_path / "real.jpg", WHOLE["jpg"])
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "link.jpg").symlink_to(real)
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.jpg"))
        for name in ("fifo", "link", "loop", "folder", "socket"):
            with pytest.raises(PictureChanged, match=r"regular file|symbolic link") as caught:
                decode(tmp_path / f"{name}.jpg", "0" * 64, None, LIMITS)
            check_words(caught.value.reason)


def test_a_file_without_permission_says_so(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = write(tmp_path / "a.jpg", WHOLE["jpg"])
    path.chmod(0)
    with pytest.raises(PictureChanged, match="no permission"):
        decode(path, "0" * 64, None, LIMITS)


def test_a_thumbnail_is_whole_or_not_there(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "ab"
    path = write(tmp_path / "a.png", encoded(scene(900, 600), "PNG"))
    decoded = read(path, cache / "t.jpg")
    assert decoded.picture.thumbnail == cache / "t.jpg"
    small = read(cache / "t.jpg").picture
    assert (small.format, small.width, small.height) == ("JPEG", 384, 256)
    refused_path = write(tmp_path / "b.png", WHOLE["png"][:400])
    with pytest.raises(PictureError):
        read(refused_path, cache / "other.jpg")
    assert [each.name for each in cache.iterdir()] == ["t.jpg"]


def test_a_cache_that_cannot_be_written_costs_the_thumbnail_and_not_the_picture(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file where a folder should be")
    decoded = read(write(tmp_path / "a.png", WHOLE["png"]), tmp_path / "cache" / "ab" / "t.jpg")
    assert decoded.picture.thumbnail is None
    assert decoded.picture.width == 200
    full = tmp_path / "full" / "t.jpg"
    full.mkdir(parents=True)
    assert read(tmp_path / "a.png", full).picture.thumbnail is None
    assert [each.name for each in full.parent.iterdir()] == ["t.jpg"]


def test_many_threads_decode_at_once_and_leave_the_warning_filters_alone(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{index}.{name}", data) for index in range(4) for name, data in WHOLE.items()]
    # A TIFF whose tags Pillow warns of.
    odd = bytearray(WHOLE["tif"])
    paths += [write(tmp_path / f"{index}.tif", bytes(odd[:-20])) for index in range(4)]

    def one(path: Path) -> str:
        try:
            return read(path).picture.pixel_hash
        except PictureError as error:
            return error.reason

    read(paths[0])
    filters = list(warnings.filters)
    alone = [one(path) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, paths)) == alone
    assert warnings.filters == filters
    assert threading.active_count() < 20


@seed(20260117)
@settings(max_examples=1200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.floats(0, 1), CHANGES, st.integers(0, 255)), min_size=1, max_size=6),
    near_the_start=st.booleans(),
)
def test_no_mutation_of_a_picture_raises_anything_but_a_picture_error(
    name: str, changes: list[tuple[float, str, int]], near_the_start: bool, tmp_path: Path
) -> None:
    data = bytearray(WHOLE[name])
    for place, change, value in changes:
        at = int(place * (min(len(data), 400) if near_the_start else len(data)))
        if change == "flip" and at < len(data):
            data[at] ^= 1 << value % 8
        elif change == "random" and at < len(data):
            data[at] = value
        elif change == "zero":
            data[at : at + value] = bytes(min(value, len(data) - at))
        elif change == "double":
            data[at:at] = data[at : at + value]
        elif change == "cut":
            del data[at : at + value]
    path = write(tmp_path / f"fuzzed.{name}", bytes(data))
    try:
        decoded = read(path)
    except PictureError as error:
        check_words(error.reason)
    else:
        assert decoded.rgb.ndim == 3
        assert max(decoded.rgb.shape) <= 1280


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS.exists(), reason="the hostile files are not here")
def test_every_hostile_file_is_read_or_refused_in_words_without_much_memory_or_time(tmp_path: Path) -> None:
    with tarfile.open(CORPUS) as archive:
        archive.extractall(tmp_path, filter="data")
    paths = sorted(path for path in (tmp_path / "hostile").iterdir())
    assert len(paths) == 186
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_read_all, args=(paths, sending))
    child.start()
    sending.close()
    table: list[tuple[bytes, str]] = []
    for path in paths:
        assert receiving.poll(40), f"{path} takes too long"
        outcome, seconds, kilobytes = receiving.recv()
        assert seconds < 20, path
        assert kilobytes < 1_500_000, path
        table.append((os.fsencode(path.name), outcome))
    child.join(10)
    assert child.exitcode == 0
    refusals = [(name, outcome) for name, outcome in table if outcome != "read"]
    for _, outcome in refusals:
        check_words(outcome)
    assert 100 <= len(table) - len(refusals) <= 140


def _read_all(paths: list[Path], sending: Connection) -> None:
    warnings.simplefilter("error")
    for path in paths:
        started = time.monotonic()
        try:
            decoded = read(path)
            assert decoded.rgb.dtype == np.uint8
            outcome = "read"
        except PictureError as error:
            outcome = error.reason
        sending.send((outcome, time.monotonic() - started, _peak()))


def _peak() -> int:
    """The most memory this process has held, in KiB; ru_maxrss would begin with what the parent held."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])

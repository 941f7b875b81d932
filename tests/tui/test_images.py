from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import CancelledError, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from curated.config import Reading
from curated.domain import Photo
from curated.errors import PictureChanged, PictureError, PictureTooLarge
from curated.state.rows import photo_from_arrival
from curated.tui.images import Pictures
from curated.tui.images_cache import ScreenCache
from tests.support.filing_world import NOON
from tests.support.permissions import without_rights
from tests.support.pictures import arrival, dng, encoded, exif, png_that_says, scene, write
from tests.support.trees import tree

SECONDS = 20


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.files.mkdir()
        self._number = 0
        self._opened: list[Pictures] = []

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def pictures(self, *, disk: int = 10**8, memory: int = 10**8, **options: Any) -> Pictures:
        opened = Pictures(self.cache, limits=Reading(), disk_bytes=disk, memory_bytes=memory, **options)
        self._opened.append(opened)
        return opened

    def picture(
        self, data: bytes | None = None, *, size: tuple[int, int] = (1600, 1200), suffix: str = ".jpg"
    ) -> Photo:
        self._number += 1
        data = encoded(scene(*size, seed=self._number), "JPEG") if data is None else data
        file = write(self.files / f"{self._number}{suffix}", data)
        return photo_from_arrival(arrival(file), f"{self._number:064x}", NOON)

    def with_thumbnail(self, photo: Photo, side: int = 384) -> Photo:
        path = self.folder / "thumbnails" / f"{photo.sha256}.jpg"
        path.parent.mkdir(exist_ok=True)
        image = Image.new("RGB", (side, side * 3 // 4), "red")
        image.save(path, "JPEG")
        return replace(photo, thumbnail=path, width=1600, height=1200)

    def close(self) -> None:
        for each in self._opened:
            each.close()


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.close()


def load(pictures: Pictures, photo: Photo, side: int) -> Image.Image:
    return pictures.load(photo, photo.path, side).result(SECONDS)


def is_red(image: Image.Image) -> bool:
    red, green, blue = image.getpixel((5, 5))
    return red > 240 and green < 20 and blue < 20


def test_what_was_loaded_is_ready_without_waiting(world):
    pictures, photo = world.pictures(), world.picture()
    assert pictures.ready(photo, 300) is None
    image = load(pictures, photo, 300)
    assert image.mode == "RGB"
    assert image.size == (384, 288)
    assert pictures.ready(photo, 300) is image
    assert pictures.ready(photo, 1000) is None
    assert load(pictures, photo, 1000).size == (1280, 960)
    assert pictures.ready(photo, 300).size == (1280, 960)


def test_a_small_picture_is_ready_at_any_size_once_it_is_there_whole(world):
    pictures, photo = world.pictures(), world.picture(size=(64, 48))
    image = load(pictures, photo, 300)
    assert image.size == (64, 48)
    assert pictures.ready(photo, 2000) is image


def test_the_daemons_thumbnail_serves_where_it_is_large_enough(world):
    pictures, photo = world.pictures(), world.with_thumbnail(world.picture())
    assert is_red(load(pictures, photo, 384))
    large = load(pictures, photo, 700)
    assert large.size == (768, 576)
    assert not is_red(large)


def test_a_missing_or_broken_thumbnail_is_made_up_for(world):
    pictures, photo = world.pictures(), world.with_thumbnail(world.picture())
    photo.thumbnail.write_bytes(b"\xff\xd8\xff\xe0 not any more")
    assert not is_red(load(pictures, photo, 384))
    gone = world.with_thumbnail(world.picture())
    gone.thumbnail.unlink()
    assert not is_red(load(pictures, gone, 384))


def test_a_decoded_picture_is_kept_on_disk_and_never_decoded_again(world):
    photo = world.picture()
    load(world.pictures(), photo, 700)
    photo.path.write_bytes(b"overwritten, which the sha256 of the row does not know")
    assert load(world.pictures(), photo, 700).size == (768, 576)


def test_nothing_is_written_beside_the_users_files(world):
    pictures = world.pictures()
    photos = [world.picture() for _ in range(3)]
    before = tree(world.files)
    for photo in photos:
        load(pictures, photo, 384)
        load(pictures, photo, 1200)
    assert tree(world.files) == before


def test_pictures_are_upright(world):
    data = encoded(scene(640, 480), "JPEG", exif=exif(orientation=6))
    assert load(world.pictures(), world.picture(data), 384).size == (288, 384)


def test_raw_and_transparent_pictures_are_shown(world):
    pictures = world.pictures()
    raw = world.picture(dng(encoded(scene(320, 240), "JPEG")), suffix=".dng")
    assert load(pictures, raw, 384).size == (320, 240)
    clear = encoded(Image.new("RGBA", (40, 30), (255, 0, 0, 0)), "PNG")
    assert load(pictures, world.picture(clear, suffix=".png"), 384).getpixel((1, 1)) == (255, 255, 255)


def test_a_picture_that_is_gone_says_so_even_where_its_thumbnail_is_there(world):
    photo = world.with_thumbnail(world.picture())
    photo.path.unlink()
    with pytest.raises(PictureChanged, match="gone from the disk"):
        load(world.pictures(), photo, 384)


@pytest.mark.parametrize("data", [b"no picture", b"", encoded(scene(), "JPEG")[:800], png_that_says(100_000, 100_000)])
def test_what_cannot_be_decoded_fails_alone(world, data):
    pictures = world.pictures()
    with pytest.raises(PictureError):
        load(pictures, world.picture(data), 384)
    assert load(pictures, world.picture(), 384)


def test_a_picture_of_too_many_pixels_for_the_screen_is_refused_before_it_takes_memory(world):
    with pytest.raises(PictureTooLarge, match="megapixels"):
        load(world.pictures(), world.picture(png_that_says(10_000, 9_000), suffix=".png"), 384)


def test_two_requests_for_one_picture_share_one_future(world):
    pictures, blocked = world.pictures(threads=1), Blocked(world)
    with blocked.holding(pictures):
        photo = world.picture()
        first = pictures.load(photo, photo.path, 384)
        second = pictures.load(photo, photo.path, 300)
        assert first is second
        pictures.forget(first)
        assert not second.cancelled()
    assert second.result(SECONDS)


def test_what_nobody_waits_for_any_more_is_not_begun(world):
    pictures, blocked = world.pictures(threads=1), Blocked(world)
    with blocked.holding(pictures):
        photo = world.picture()
        future = pictures.load(photo, photo.path, 384)
        pictures.forget(future)
        assert future.cancelled()
        again = pictures.load(photo, photo.path, 384)
    assert again.result(SECONDS)


def test_wishes_come_after_what_is_waited_for_and_newer_wishes_replace_older_ones(world):
    pictures, blocked = world.pictures(threads=1), Blocked(world)
    first, second, third = world.picture(), world.picture(), world.picture()
    with blocked.holding(pictures):
        pictures.prefetch([(first, first.path)], 384)
        pictures.prefetch([(second, second.path)], 384)
        waited = pictures.load(third, third.path, 384)
        waited.add_done_callback(lambda _: order.append(pictures.ready(second, 384)))
        order: list[Image.Image | None] = []
    waited.result(SECONDS)
    load(pictures, second, 384)
    assert order == [None]
    assert pictures.ready(second, 384) is not None
    assert pictures.ready(first, 384) is None


def test_memory_is_bounded_and_what_was_looked_at_last_stays(world):
    one = 384 * 288 * 3
    pictures = world.pictures(memory=3 * one)
    photos = [world.picture() for _ in range(5)]
    for photo in photos[:3]:
        load(pictures, photo, 384)
    assert pictures.ready(photos[0], 384) is not None
    for photo in photos[3:]:
        load(pictures, photo, 384)
    assert [pictures.ready(photo, 384) is not None for photo in photos] == [True, False, False, True, True]


def test_a_hanging_file_does_not_hold_up_the_others(world):
    now = [0.0]
    pictures, blocked = world.pictures(threads=1, clock=lambda: now[0]), Blocked(world)
    with blocked.holding(pictures):
        now[0] = 60.0
        assert load(pictures, world.picture(), 384)


def test_closing_cancels_what_waits_and_does_not_wait_for_what_hangs(world):
    pictures, blocked = world.pictures(threads=1), Blocked(world)
    with blocked.holding(pictures):
        photo = world.picture()
        future = pictures.load(photo, photo.path, 384)
        pictures.close(timeout=0)
        with pytest.raises(CancelledError):
            future.result(SECONDS)
        assert pictures.load(photo, photo.path, 384).cancelled()


def test_a_hanging_thread_does_not_keep_the_program_from_ending(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from tests.tui.test_images import World, Blocked\n"
        "world = World(Path(sys.argv[1])); pictures = world.pictures()\n"
        "Blocked(world).holding(pictures).__enter__(); pictures.close(); print('end')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("end\n", 0), done.stderr


class Blocked:
    """A picture whose thumbnail is a FIFO: whoever opens it hangs until something is written."""

    def __init__(self, world: World) -> None:
        self.fifo = world.folder / "fifo"
        os.mkfifo(self.fifo)
        self.photo = replace(world.picture(), thumbnail=self.fifo)

    def holding(self, pictures: Pictures) -> Holding:
        return Holding(self, pictures)


class Holding:
    """While it lasts, one thread of the pictures hangs."""

    def __init__(self, blocked: Blocked, pictures: Pictures) -> None:
        self._blocked, self._pictures = blocked, pictures

    def __enter__(self) -> None:
        photo = self._blocked.photo
        self._future = self._pictures.load(photo, photo.path, 384)
        while not self._future.running():
            threading.Event().wait(0.001)

    def __exit__(self, *_: object) -> None:
        self._blocked.fifo.open("wb").close()
        wait([self._future], SECONDS)


class TestCache:
    def image(self) -> Image.Image:
        return Image.effect_noise((200, 200), 80).convert("RGB")

    def test_the_oldest_go_when_it_is_full_and_only_its_own(self, tmp_path):
        foreign = tmp_path / "00" / "mine.jpg"
        foreign.parent.mkdir()
        foreign.write_bytes(b"x" * 100_000)
        cache = ScreenCache(tmp_path, 120_000)
        for number in range(8):
            cache.write(f"{number:064x}", 384, self.image())
            os.utime(tmp_path / "00" / f"{number:064x}-384.jpg", (number, number))
        held = [number for number in range(8) if cache.read(f"{number:064x}", 384) is not None]
        assert held == list(range(held[0], 8))
        assert 2 <= len(held) < 8
        assert sum(each.stat().st_size for each in tmp_path.rglob("*-384.jpg")) <= 120_000
        assert foreign.exists()

    def test_what_another_process_left_unfinished_goes_too(self, tmp_path):
        left = tmp_path / "00" / f".{1:064x}-384.jpg.123-456"
        left.parent.mkdir()
        left.write_bytes(b"x" * 200_000)
        os.utime(left, (1, 1))
        ScreenCache(tmp_path, 100_000).write(f"{2:064x}", 384, self.image())
        assert not left.exists()

    def test_a_broken_one_is_none(self, tmp_path):
        cache = ScreenCache(tmp_path, 10**6)
        cache.write("a" * 64, 384, self.image())
        (path,) = tmp_path.rglob("*.jpg")
        path.write_bytes(path.read_bytes()[:100])
        assert cache.read("a" * 64, 384) is None

    def test_a_read_only_cache_is_no_error(self, tmp_path):
        folder = tmp_path / "screen"
        folder.mkdir(mode=0o555)
        with without_rights(tmp_path):
            ScreenCache(folder, 10**6).write("a" * 64, 384, self.image())
        assert list(folder.iterdir()) == []

    def test_a_cache_that_is_no_folder_is_no_error(self, tmp_path):
        write(tmp_path / "screen", b"")
        cache = ScreenCache(tmp_path / "screen", 10**6)
        cache.write("a" * 64, 384, self.image())
        assert cache.read("a" * 64, 384) is None

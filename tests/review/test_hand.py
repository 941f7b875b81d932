from __future__ import annotations

from datetime import timedelta

import pytest

from curated.config import Config, from_dict
from curated.domain import Photo, Status
from curated.errors import FilingError, FolderUnusable, NotFound
from curated.filing import UndoSelection, undo
from curated.filing.trash import trash_photo
from curated.pictures.sniff import PICTURE_EXTENSIONS
from curated.review import Review
from tests.support.filing_disks import FailingDisk, SplitDisk
from tests.support.filing_world import NOON, World


def config_of(world: World, **more: object) -> Config:
    folders = world.folders
    places = {"unsorted": folders.unsorted, "library": folders.library, "state": folders.state}
    return from_dict({"folders": places, **more}, "test")


def review(world: World, disk=None) -> Review:
    return Review(config_of(world), world.filer(disk))


def filed(world: World, *names: str, folder: str = "Photos") -> Photo:
    sources = [world.put(name, f"content of {name}") for name in names]
    return world.file(sources, [world.library / folder / name for name in names])[0]


def verdicts(world: World, photo: Photo) -> list[str | None]:
    rows = world.database.execute("SELECT verdict FROM verdict WHERE photo_id = ? ORDER BY id", (photo.id,))
    return [row["verdict"] for row in rows]


def test_keep_is_a_verdict_and_moves_nothing(world: World) -> None:
    photo = filed(world, "a.jpg")
    assert review(world).mark(photo, "keep").verdict == "keep"
    assert world.files() == {"Library/Photos/a.jpg": world.files()["Library/Photos/a.jpg"]}
    assert verdicts(world, photo) == ["keep"]


def test_trash_moves_the_picture_and_its_companions_and_keep_brings_them_back(world: World) -> None:
    photo = filed(world, "a.jpg", "a.xmp", "a.jpg.json")
    before, bytes_before = world.files(), world.contents()
    trashed = review(world).mark(photo, "trash")
    assert trashed.status is Status.TRASHED
    assert sorted(world.files()) == [f"Library/Trash/Photos/{name}" for name in ("a.jpg", "a.jpg.json", "a.xmp")]
    kept = review(world).mark(trashed, "keep")
    assert (kept.status, kept.verdict) == (Status.FILED, "keep")
    assert (world.files(), world.contents()) == (before, bytes_before)
    assert verdicts(world, photo) == ["trash", "keep"]
    assert world.problems() == []


def test_trash_twice_is_one_move(world: World) -> None:
    photo = review(world).mark(filed(world, "a.jpg"), "trash")
    again = review(world).mark(photo, "trash")
    assert again.path == photo.path
    assert len(world.journal.in_force("purpose = 'trash'")) == 1


def test_taking_a_trashing_back_takes_the_verdict_back(world: World) -> None:
    kept = review(world).mark(filed(world, "a.jpg"), "keep")
    review(world).mark(kept, "trash")
    undo(world.filer(), UndoSelection(last=1))
    assert world.store.get(kept.id).verdict == "keep"


def test_a_trashing_that_fails_gives_no_verdict(world: World) -> None:
    photo = filed(world, "a.jpg")
    before = world.files()
    disk = FailingDisk(lambda step: step.name == "rename", 28, for_ever=True)
    with pytest.raises(FolderUnusable):
        review(world, disk).mark(photo, "trash")
    assert world.files() == before
    assert (world.store.get(photo.id).verdict, verdicts(world, photo)) == (None, [])


@pytest.mark.parametrize("wanted", ["People/Group", "people/group"])
def test_file_as_moves_into_the_categorys_folder_with_name_and_companions(world: World, wanted: str) -> None:
    photo = filed(world, "a.jpg", "a.xmp")
    moved = review(world).file_as(photo, wanted)
    assert sorted(world.files()) == ["Library/People/Group/a.jpg", "Library/People/Group/a.xmp"]
    assert (moved.category, moved.status, moved.reason) == (
        "People/Group", Status.FILED, "filed as People/Group by hand",
    )  # fmt: skip
    assert world.problems() == []


def test_file_as_the_category_it_is_in_only_notes_that_a_person_said_so(world: World) -> None:
    photo = filed(world, "a.jpg")
    before = world.files()
    assert review(world).file_as(photo, "Photos").reason == "filed as Photos by hand"
    assert world.files() == before


def test_a_verdict_that_undo_takes_back_is_a_word_too(world: World) -> None:
    """Else what is trashed, taken back and trashed again would be no new label."""
    photo = filed(world, "a.jpg")
    review(world).mark(photo, "trash")
    undo(world.filer(), UndoSelection(last=1))
    assert verdicts(world, photo) == ["trash", None]
    review(world).mark(world.store.get(photo.id), "trash")
    review(world).mark(world.store.get(photo.id), "trash")
    assert verdicts(world, photo) == ["trash", None, "trash"]


def test_filing_it_again_where_a_person_has_filed_it_is_no_new_word(world: World) -> None:
    moments = iter(NOON + timedelta(hours=number) for number in range(20))
    hand = Review(config_of(world), world.filer(clock=lambda: next(moments)))
    first = hand.file_as(filed(world, "a.jpg"), "Memes")
    again = hand.file_as(first, "Memes")
    assert again.confirmed == first.confirmed
    assert hand.file_as(again, "Photos").confirmed > first.confirmed


def test_file_as_review_is_a_review(world: World) -> None:
    assert review(world).file_as(filed(world, "a.jpg"), "Review").status is Status.REVIEW


def test_file_as_goes_by_the_folder_of_the_rule(world: World) -> None:
    rules = [{"name": "Cats", "folder": "Animals/Cats and kittens"}]
    moved = Review(config_of(world, category=rules), world.filer()).file_as(filed(world, "a.jpg"), "Cats")
    assert moved.path == world.library / "Animals/Cats and kittens/a.jpg"


def test_file_as_out_of_the_trash_leaves_it_undecided_and_undo_brings_it_back_there(world: World) -> None:
    photo = review(world).mark(filed(world, "a.jpg"), "trash")
    moved = review(world).file_as(photo, "Memes")
    assert (moved.status, moved.verdict) == (Status.FILED, None)
    undo(world.filer(), UndoSelection(photo_ids=(photo.id,)))
    back = world.store.get(photo.id)
    assert (back.status, back.verdict, back.path) == (Status.TRASHED, "trash", photo.path)


def test_an_undone_picture_can_be_filed_by_hand(world: World) -> None:
    photo = filed(world, "a.jpg")
    undo(world.filer(), UndoSelection(last=1))
    moved = review(world).file_as(world.store.get(photo.id), "Memes")
    assert (moved.status, moved.path) == (Status.FILED, world.library / "Memes/a.jpg")
    assert moved.filed_at is not None


def test_file_as_takes_the_next_free_name(world: World) -> None:
    filed(world, "a.jpg", folder="Memes")
    moved = review(world).file_as(filed(world, "a.jpg"), "Memes")
    assert moved.path.name == "a 2.jpg"


def test_an_unknown_category_names_the_nearest_one_and_all(world: World) -> None:
    with pytest.raises(NotFound, match=r"the nearest is 'Memes', all are: People/Solo, .*, Review"):
        review(world).file_as(filed(world, "a.jpg"), "mems")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Lake", "Lake.jpg"),
        ("Lake.jpg", "Lake.jpg"),
        ("Lake.PNG", "Lake.jpg"),
        ("Version 1.5", "Version 1.5.jpg"),
        ("a/b", "a-b.jpg"),
        ("../../etc/passwd", "etc-passwd.jpg"),
        (".hidden", "hidden.jpg"),
        ("na\u200bme\u202e", "name.jpg"),
        ("x" * 400, "x" * 120 + ".jpg"),
        ("a\x1b[31m", "a[31m.jpg"),
    ],
)
def test_rename_keeps_the_extension_and_makes_a_safe_name(world: World, name: str, file: str) -> None:
    renamed = review(world).rename(filed(world, "a.jpg"), name)
    assert renamed.path == world.library / "Photos" / file
    assert renamed.name == file.removesuffix(".jpg")
    assert world.problems() == []


@pytest.mark.parametrize("name", ["", ".", "..", "///", "\x00", ".jpg", "***"])
def test_a_name_of_nothing_is_refused_and_nothing_moves(world: World, name: str) -> None:
    photo = filed(world, "a.jpg")
    with pytest.raises(FilingError, match="no file can be called"):
        review(world).rename(photo, name)
    assert list(world.files()) == ["Library/Photos/a.jpg"]


def test_rename_to_its_own_name_is_no_move(world: World) -> None:
    photo = filed(world, "a.jpg")
    assert review(world).rename(photo, "a") == photo
    assert len(world.journal.in_force()) == 1


def test_rename_takes_companions_along_each_to_a_name_of_its_own(world: World) -> None:
    photo = filed(world, "a.jpg", "a.xmp", "a.XMP", "a.jpg.json", "a.json", "a.MOV")
    before = world.contents()
    review(world).rename(photo, "Lake")
    assert sorted(world.files()) == sorted(
        f"Library/Photos/{name}"
        for name in ("Lake.jpg", "Lake.xmp", "Lake a.XMP", "Lake.jpg.json", "Lake.json", "Lake.mov")
    )
    assert world.contents() == before
    assert world.problems() == []


def test_what_a_person_does_is_journaled_across_file_systems_too(world: World) -> None:
    photo = filed(world, "a.jpg", "a.xmp")
    before = world.contents()
    disk = SplitDisk(world.library / "Trash")
    review(world, disk).mark(photo, "trash")
    assert world.contents() == before
    assert world.journal.open_moves() == []


def test_a_picture_that_is_being_filed_is_left_alone(world: World) -> None:
    photo = world.photo(world.put("a.jpg", "x"))
    for act in (
        lambda: review(world).mark(photo, "trash"),
        lambda: review(world).file_as(photo, "Memes"),
        lambda: review(world).rename(photo, "b"),
    ):
        with pytest.raises(FilingError, match="is being filed right now"):
            act()


def test_a_file_that_changed_since_it_was_filed_is_not_moved(world: World) -> None:
    photo = filed(world, "a.jpg")
    photo.path.write_bytes(b"edited")
    with pytest.raises(FilingError, match="changed"):
        review(world).file_as(photo, "Memes")
    assert photo.path.read_bytes() == b"edited"


def test_the_trash_is_listed_newest_first_with_what_emptying_would_remove(world: World) -> None:
    first, second = filed(world, "a.jpg", "a.xmp"), filed(world, "b.jpg")
    for photo in (first, second):
        trash_photo(world.filer(), photo, world.folders)
    found = review(world).trashed()
    assert [(each.photo.id, each.files) for each in found] == [(second.id, 1), (first.id, 2)]
    assert found[1].size == len("content of a.jpg") + len("content of a.xmp")


def test_retry_leaves_alone_what_lies_outside_the_unsorted_folder(world: World) -> None:
    photo = filed(world, "a.jpg")
    world.store.set_status(photo.id, Status.UNDONE, "")
    (result,) = review(world).retry([world.store.get(photo.id)])
    assert not result.taken
    assert "not in the unsorted folder" in result.detail


def test_retry_says_so_if_the_file_is_gone(world: World) -> None:
    photo = filed(world, "a.jpg")
    undo(world.filer(), UndoSelection(last=1))
    (world.unsorted / "a.jpg").unlink()
    (result,) = review(world).retry([world.store.get(photo.id)])
    assert not result.taken
    assert "gone" in result.detail


def test_a_name_may_end_like_any_picture(world: World) -> None:
    photo = filed(world, "a.jpg")
    for extension in sorted(PICTURE_EXTENSIONS):
        photo = review(world).rename(photo, f"Lake{extension}")
        assert photo.path.name == "Lake.jpg"

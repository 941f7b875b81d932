"""Names that are left alone, and names that only look as if they should be."""

from __future__ import annotations

import pytest

from curated.intake.names import is_ignored, is_temporary

LEFT_ALONE = """
a.jpg.part|a.jpg.PART|a.jpg.crdownload|a.jpg.download|a.jpg.opdownload|a.jpg.fdmdownload|a.tmp|a.temp|a.partial
a.jpg.filepart|a.jpg.kpart|a.jpg.!ut|a.jpg.!qB|a.jpg.bc!|a.jpg.aria2|a.jpg.xltd|a.swp|a.jpg~|.a.jpg
.~lock.a.odt#|._a.jpg|~$a.docx|.syncthing.a.jpg.tmp|~syncthing~a.jpg.tmp|#a.jpg#|Thumbs.db|desktop.ini
@eaDir|#recycle|$RECYCLE.BIN|lost+found|System Volume Information|.curated-1a2b.part|.goutputstream-ABC|.DS_Store
"""


@pytest.mark.parametrize("name", [*LEFT_ALONE.replace("\n", "|").strip("|").split("|"), "Icon\r"])
def test_half_written_hidden_and_system_files_are_left_alone(name: str) -> None:
    assert is_temporary(name)


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "#1 Dad.jpg", "~ sunset ~.jpg", "part.jpg", "a.part.jpg", "Thumbs.db.jpg", "a (conflicted copy).jpg",
     "a.sync-conflict-20190721-140359-ABCDEFG.jpg", "temp", "#", "download", "-rf.jpg", "a"],
)  # fmt: skip
def test_a_picture_with_an_odd_name_is_a_picture(name: str) -> None:
    assert not is_temporary(name)


@pytest.mark.parametrize(
    ("relative", "globs", "ignored"),
    [
        ("a.psd", ("*.psd",), True),
        ("A.PSD", ("*.psd",), True),
        ("deep/down/a.psd", ("*.psd",), True),
        ("raw/a.nef", ("raw/*",), True),
        ("raw/deep/a.nef", ("raw/*",), True),
        ("other/raw/a.nef", ("raw/*",), False),
        ("a.jpg", ("*.psd", "b*"), False),
        ("[x].jpg", ("[[]x].jpg",), True),
        ("a.jpg", (), False),
    ],
)
def test_the_users_globs_are_for_the_name_or_the_path_in_any_case(
    relative: str, globs: tuple[str, ...], ignored: bool
) -> None:
    assert is_ignored(relative, relative.rsplit("/", 1)[-1], globs) is ignored

from __future__ import annotations

import os
from pathlib import Path

import pytest

from curated.intake.mounts import Mount, mount_of


def mountinfo(tmp_path: Path, *mounts: tuple[str, str]) -> Path:
    lines = [
        f"{number} 1 8:{number} / {point} rw,relatime shared:{number} master:1 - {kind} /dev/x rw\n"
        for number, (point, kind) in enumerate(mounts, 20)
    ]
    path = tmp_path / "mountinfo"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_the_deepest_mount_above_a_folder_is_its_own(tmp_path: Path) -> None:
    info = mountinfo(tmp_path, ("/", "ext4"), ("/mnt", "tmpfs"), ("/mnt/disk", "vfat"), ("/mnt/disk2", "xfs"))
    assert mount_of(Path("/mnt/disk/Unsorted"), info) == Mount(Path("/mnt/disk"), "vfat")
    assert mount_of(Path("/mnt/disk2"), info) == Mount(Path("/mnt/disk2"), "xfs")
    assert mount_of(Path("/mnt/other"), info) == Mount(Path("/mnt"), "tmpfs")
    assert mount_of(Path("/srv"), info) == Mount(Path("/"), "ext4")


def test_of_several_mounts_on_one_point_the_last_counts(tmp_path: Path) -> None:
    info = mountinfo(tmp_path, ("/", "ext4"), ("/mnt", "ext4"), ("/mnt", "nfs4"))
    assert mount_of(Path("/mnt/x"), info).kind == "nfs4"


def test_mount_points_with_spaces_and_other_alphabets_are_understood(tmp_path: Path) -> None:
    info = mountinfo(tmp_path, ("/", "ext4"), (r"/mnt/My\040Bücher", "cifs"))
    assert mount_of(Path("/mnt/My Bücher/Unsorted"), info) == Mount(Path("/mnt/My Bücher"), "cifs")


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        *((kind, True) for kind in ("nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "virtiofs")),
        *((kind, False) for kind in ("ext4", "fuseblk", "btrfs", "tmpfs", "overlay")),
    ],
)
def test_network_file_systems_are_known_by_their_type(kind: str, network: bool) -> None:
    assert Mount(Path("/"), kind).is_network is network


def test_this_machine_has_a_mount_for_every_folder(tmp_path: Path) -> None:
    assert os.path.ismount(mount_of(tmp_path).point)

"""Which mount a folder lies on: whether inotify sees all changes there, and whether its disk is there at all."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")

_NETWORK_TYPES = ("nfs", "cifs", "smb", "fuse.", "9p", "afs", "ceph", "gluster", "davfs", "vboxsf", "virtiofs")
_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a file system is mounted, and its type as the kernel names it."""

    point: Path
    kind: str

    @property
    def is_network(self) -> bool:
        """Whether inotify is blind there: changes made by other machines raise no events."""
        return self.kind.startswith(_NETWORK_TYPES) or self.kind == "fuse"


def mount_of(folder: Path, mountinfo: Path = MOUNTINFO) -> Mount:
    """The mount that a folder lies on, whether or not the folder is there; see proc_pid_mountinfo(5)."""
    inside = os.fsencode(os.path.realpath(folder)).rstrip(b"/") + b"/"
    best, kind = b"/", b""
    for line in mountinfo.read_bytes().splitlines():
        fields = line.split(b" ")
        point = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), fields[4])
        # The last of several mounts on one point is the one on top.
        if inside.startswith(point.rstrip(b"/") + b"/") and len(point) >= len(best):
            best, kind = point, fields[fields.index(b"-") + 1]
    return Mount(Path(os.fsdecode(best)), kind.decode("ascii", "replace"))

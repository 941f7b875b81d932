"""The daemon: gives every asset its time, from the first event to the last fsync."""

from curated.daemon.announce import Report
from curated.daemon.build import build_daemon
from curated.daemon.loop import Daemon
from curated.daemon.progress import Progress

__all__ = ["Daemon", "Progress", "Report", "build_daemon"]

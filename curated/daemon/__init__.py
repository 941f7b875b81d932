"""The daemon: gives every asset its time, from the first event to the last fsync."""

from curated.daemon.build import build_daemon
from curated.daemon.loop import Daemon, Report
from curated.daemon.progress import Progress

__all__ = ["Daemon", "Progress", "Report", "build_daemon"]

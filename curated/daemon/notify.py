"""Telling systemd how the daemon is (sd_notify(3)); does nothing where nobody asked."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

log = logging.getLogger(__name__)


def notify(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send lines such as "READY=1" to the service manager's socket, if there is one that listens."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.connect(address)
            channel.sendall(text.encode())
        except OSError as error:  # pictures are filed all the same
            log.warning("the service manager at %s cannot be told %r: %s", address, text, error.strerror)

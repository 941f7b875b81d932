"""Telling systemd how the daemon is (sd_notify(3)); does nothing where nobody asked."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(text: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send lines such as "READY=1" to the service manager's socket, if there is one.

    Raises OSError if the socket that $NOTIFY_SOCKET names cannot be written.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(address)
        channel.sendall(text.encode())

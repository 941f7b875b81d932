"""Put on PYTHONPATH, notes every internet socket and name look-up of a process and its children in $SOCKET_LOG."""

import os
import socket
import sys

_INTERNET = (socket.AF_INET, socket.AF_INET6)


def _note(event: str, arguments: tuple) -> None:
    internet = event == "socket.__new__" and arguments[1] in _INTERNET
    if internet or event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        with open(os.environ["SOCKET_LOG"], "a", encoding="utf-8") as log:
            log.write(f"{os.getpid()} {event} {arguments[1:]}\n")


sys.addaudithook(_note)

"""A real terminal: tmux on a socket of its own, with keys to send and a screen to read."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from tests.support.clock import wait_until
from tests.support.processes import children

TMUX = shutil.which("tmux")


class Terminal:
    """A terminal of that size in which `curated ARGUMENTS` runs; then it shows "ended CODE" and the tty's modes."""

    def __init__(
        self,
        *arguments: str,
        columns: int = 100,
        rows: int = 30,
        environment: Mapping[str, str] | None = None,
        program: Sequence[str] = ("-m", "curated"),
    ) -> None:
        assert TMUX is not None
        self._tmux = [TMUX, "-u", "-L", f"curated-{uuid.uuid4().hex[:12]}", "-f", os.devnull]
        self.columns = columns
        settings = {"LANG": "C.UTF-8", "NO_COLOR": "", "TERM": "tmux-256color", **(environment or {})}
        variables = [f"{name}={value}" for name, value in settings.items() if value or name != "NO_COLOR"]
        # A size that the environment tells would be believed before the terminal's own.
        command = ["env", "-u", "COLUMNS", "-u", "LINES", *variables, sys.executable, *program, *arguments]
        modes = "stty -a | grep -ow -e -icanon -e icanon -e -echo -e echo | tr '\\n' ' '"
        script = f"{shlex.join(command)}; echo ended $?; {modes}; exec cat"
        self._do("new-session", "-d", "-x", str(columns), "-y", str(rows), script)
        self.pid = int(self._do("display-message", "-p", "#{pane_pid}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the terminal away from whatever runs in it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._do("kill-server")

    def press(self, *keys: str) -> None:
        """Press these keys, by tmux' names of them."""
        self._do("send-keys", *keys)

    def type(self, text: str) -> None:
        self._do("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        self._do("set-buffer", text)
        self._do("paste-buffer", "-p")

    def resize(self, columns: int, rows: int) -> None:
        self.columns = columns
        self._do("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self, *, styled: bool = False) -> str:
        """What is on the screen now; with escape sequences if `styled`."""
        return self._do("capture-pane", "-p", *(["-e"] if styled else []))

    def shows(self, *texts: str) -> None:
        """Return once all of these are on the screen."""
        screen = ""

        def there() -> bool:
            nonlocal screen
            screen = self.screen()
            return all(text in screen for text in texts)

        try:
            wait_until(there, "", 30)
        except AssertionError:
            raise AssertionError(f"waited in vain for {texts} on the screen:\n{screen}") from None

    def child(self) -> int:
        """The process id of the program."""
        found: list[int] = []

        def there() -> bool:
            found[:] = children(self.pid)
            return bool(found)

        wait_until(there, "the program in the terminal")
        return found[0]

    def ended(self, code: int = 0) -> None:
        """Return once the program has ended with that code and left the terminal as a shell wants it."""
        self.shows(f"ended {code}", "icanon", "echo")
        assert "-icanon" not in self.screen()
        assert "-echo" not in self.screen()

    def _do(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, check=True, timeout=30)
        return done.stdout.decode("utf-8", "replace")

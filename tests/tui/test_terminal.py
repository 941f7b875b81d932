"""Real pseudo-terminals, with a terminal at the other end that answers as some do."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

from curated.tui.terminal import Terminal, is_multiplexed, prepare_terminal

SIXEL = {b"\x1b[c": b"\x1b[?62;4;6c"}
KITTY = {b"\x1b_G": b"\x1b_Gi=31;OK\x1b\\", b"\x1b[c": b"\x1b[?62c"}
PLAIN = {b"\x1b[c": b"\x1b[?62;22c"}
PROGRAM = "import sys; from curated.tui.terminal import prepare_terminal; print('found', prepare_terminal(sys.argv[1]))"


def asked(
    setting: str, answers: dict[bytes, bytes], sized: bool = True, program: str = PROGRAM, **environment: str
) -> tuple[str, bytes]:
    """(what was found, all that was written to the terminal)."""
    ours, theirs = pty.openpty()
    # Rows and columns, then width and height in pixels: cells of 9×21, or a terminal that knows nothing of itself.
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 720, 504) if sized else bytes(8))
    clean = {name: value for name, value in os.environ.items() if name not in ("TMUX", "STY", "TEXTUAL_DRIVER")}
    child = subprocess.Popen(
        [sys.executable, "-c", program, setting],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.STDOUT,
        env={**clean, "TERM": "xterm-256color", **environment},
        start_new_session=True,
    )
    os.close(theirs)
    said, unanswered = b"", dict(answers)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.2)[0]:
                if child.poll() is not None:
                    break
                continue
            try:
                said += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            for question in [each for each in unanswered if each in said]:
                os.write(ours, unanswered.pop(question))
    finally:
        child.wait(10)
        os.close(ours)
    return said.decode(errors="replace").partition("found ")[2].strip(), said


@pytest.mark.parametrize(
    ("setting", "answers", "means"),
    [
        ("auto", SIXEL, "sixel"),
        ("auto", KITTY, "kitty"),
        ("auto", PLAIN, "halfblock"),
        ("auto", {}, "halfblock"),
        ("kitty", {}, "kitty"),
    ],
)
def test_the_terminal_is_asked_what_it_can(setting, answers, means):
    assert asked(setting, answers)[0] == str(Terminal(means, (9, 21)))


def test_a_plain_terminal_is_not_made_to_wait_for_numpy():
    program = f"{PROGRAM}; print('numpy' in sys.modules)"
    assert asked("auto", PLAIN, program=program)[0].endswith("False")


def test_a_terminal_without_a_size_is_no_error():
    assert asked("auto", SIXEL, sized=False)[0] == str(Terminal("sixel"))


@pytest.mark.parametrize(
    ("setting", "environment"),
    [("halfblock", {}), ("auto", {"TMUX": "/tmp/tmux-1000/default,1,0"}), ("auto", {"TEXTUAL_DRIVER": "x:Y"})],
)
def test_the_terminal_is_not_asked_where_half_blocks_are_right(setting, environment):
    found, said = asked(setting, KITTY, **environment)
    assert found.startswith("Terminal(means='halfblock'"), found
    assert b"\x1b" not in said


def test_without_a_terminal_nothing_is_asked():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "auto"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == (f"found {Terminal()}", "")
    assert prepare_terminal("halfblock") == Terminal()


@pytest.mark.parametrize(
    ("environment", "multiplexed"),
    [({"TMUX": "x"}, True), ({"STY": "x"}, True), ({"TERM": "tmux-256color"}, True), ({"TERM": "xterm-kitty"}, False)],
)
def test_tmux_and_screen_are_known(environment, multiplexed):
    assert is_multiplexed(environment) == multiplexed

"""The systemd user unit: its text, its place, and what systemd says of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from curated.cli.packaged import packaged_text

UNIT = "curated.service"
_OURS = "# Written by `curated service install`"
_SECONDS = 20.0
# What systemd refuses, or does not unescape, in the name of a program (but does in its arguments).
_ODD = re.compile(r"""["'\\$]""")


def unit_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Where a user's own units lie: $XDG_CONFIG_HOME/systemd/user."""
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "systemd" / "user" / UNIT


def unit_text(command: list[str], config: Path | None) -> str:
    """The unit that runs this command, with the configuration file if it is not the default one."""
    environment = f"Environment={_quoted(f'CURATED_CONFIG={config}')}" if config else ""
    text = packaged_text("curated-user.service")
    if _ODD.search(command[0]):
        command = ["/usr/bin/env", *command]
    # "$" stands for a variable in ExecStart only; "%" for a specifier everywhere.
    started = " ".join(_quoted(part).replace("$", "$$") for part in command)
    text = text.replace("@CURATED@", started)
    return text.replace("@ENVIRONMENT@\n", f"{environment}\n" if environment else "")


def is_ours(text: str) -> bool:
    """Whether `service install` wrote this unit."""
    return text.startswith(_OURS)


def curated_command() -> list[str]:
    """How this very installation is started, by absolute paths."""
    # Not resolved: a virtual environment's python is a link, and what it links to knows nothing of curated.
    python = Path(os.path.abspath(sys.executable))  # noqa: PTH100
    script = python.with_name("curated")
    return [str(script)] if os.access(script, os.X_OK) else [str(python), "-m", "curated"]


def has_systemd() -> bool:
    """Whether there is a systemctl to ask."""
    return shutil.which("systemctl") is not None


def systemctl(*arguments: str) -> tuple[bool, str]:
    """(whether it went well, what it said) of `systemctl --user …`."""
    try:
        done = subprocess.run(
            ["systemctl", "--user", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (FileNotFoundError, PermissionError):
        return False, "there is no systemctl"
    except subprocess.TimeoutExpired:
        return False, f"systemctl did not answer within {_SECONDS:.0f} s"
    return done.returncode == 0, (done.stdout.strip() or done.stderr.strip())


def _quoted(text: str) -> str:
    """A word of a unit file, see systemd.syntax(7) on quoting and systemd.unit(5) on specifiers."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped}"'

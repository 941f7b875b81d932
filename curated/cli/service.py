"""The systemd units, the user's and the system's: their text, their place, and what systemd says of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from curated.cli.packaged import packaged_text
from curated.cli.sandbox import Sandbox

UNIT = "curated.service"
SYSTEM_UNITS = Path("/etc/systemd/system")
_OURS = "# Written by `curated service install"
_SECONDS = 20.0
# What systemd refuses, or does not unescape, in the name of a program (but does in its arguments).
_ODD = re.compile(r"""["'\\$]""")


def unit_path(environ: Mapping[str, str] = os.environ, *, system: bool = False) -> Path:
    """Where the unit lies: among the user's own ($XDG_CONFIG_HOME/systemd/user) or the machine's."""
    if system:
        return SYSTEM_UNITS / UNIT
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "systemd" / "user" / UNIT


def unit_text(command: list[str], config: Path | None) -> str:
    """The user unit that runs this command, with the configuration file if it is not the default one."""
    return _filled("curated-user.service", command, config)


def _filled(template: str, command: list[str], config: Path | None) -> str:
    environment = f"Environment={quoted(f'CURATED_CONFIG={config}')}" if config else ""
    text = packaged_text(template)
    if _ODD.search(command[0]):
        command = ["/usr/bin/env", *command]
    # "$" stands for a variable in ExecStart only; "%" for a specifier everywhere.
    started = " ".join(quoted(part).replace("$", "$$") for part in command)
    text = text.replace("@CURATED@", started)
    return text.replace("@ENVIRONMENT@\n", f"{environment}\n" if environment else "")


def system_unit_text(command: list[str], config: Path | None, folders: Sandbox, user: str) -> str:
    """The system unit that runs this command as that user and sees no more of the disk than it needs."""
    binds = [f"BindPaths={_listed(folders.hidden_writable)}"] if folders.hidden_writable else []
    binds += [f"BindReadOnlyPaths={_listed(folders.hidden_readable, '-')}"] if folders.hidden_readable else []
    return (
        _filled("curated.service", command, config)
        .replace("@USER@", user)
        .replace("@FOLDERS@", _listed(folders.pictures))
        .replace("@WRITABLE@", _listed(folders.writable))
        .replace("@PROTECT_HOME@", "tmpfs" if binds else "yes")
        .replace("@BINDS@\n", "".join(f"{line}\n" for line in binds))
    )


def _listed(paths: Sequence[Path], mark: str = "") -> str:
    return " ".join(quoted(f"{mark}{path}") for path in paths)


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


def systemctl(*arguments: str, system: bool = False) -> tuple[bool, str]:
    """(whether it went well, what it said) of `systemctl --user …`, or of the system's."""
    try:
        done = subprocess.run(
            ["systemctl", *([] if system else ["--user"]), *arguments],
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


def quoted(text: str) -> str:
    """A word of a unit file, see systemd.syntax(7) on quoting and systemd.unit(5) on specifiers."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped}"'

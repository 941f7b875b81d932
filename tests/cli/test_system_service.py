"""The machine's unit: sandboxed, filled in with real folders, and judged by systemd's own tool."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from curated.cli import sandbox as places
from curated.cli import service
from curated.cli.packaged import packaged_text
from curated.cli.sandbox import Sandbox
from tests.cli.test_service import SYSTEMD_PATH, directives, fake_systemctl
from tests.support.cli_home import Home

DROP_INS = ("curated-cuda.conf", "curated-metrics.conf")
USUAL = Sandbox(
    pictures=(Path("/srv/pictures/Unsorted"), Path("/srv/pictures/Library")),
    writable=(Path("/srv/pictures"), Path("/var/lib/curated")),
    hidden_writable=(),
    hidden_readable=(),
    renames=True,
)
AT_HOME = Sandbox(
    pictures=(Path("/home/me/Pictures/Unsorted"), Path("/home/me/Pictures/Library")),
    writable=(Path("/home/me/.cache/curated"), Path("/home/me/.local/state/curated"), Path("/home/me/Pictures")),
    hidden_writable=(Path("/home/me/.cache/curated"), Path("/home/me/.local/state/curated"), Path("/home/me/Pictures")),
    hidden_readable=(Path("/home/me/curated"),),
    renames=True,
)


def analyze(home: Home, monkeypatch: pytest.MonkeyPatch, *arguments: str, drop_ins: Sequence[str] = ()) -> str:
    """What systemd-analyze says of the unit (and its drop-ins), which needs no running systemd."""
    monkeypatch.setenv("PATH", SYSTEMD_PATH)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    for name in drop_ins:
        place = home.base / "curated.service.d" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(packaged_text(name))
    done = subprocess.run(
        ["systemd-analyze", *arguments, home.base / "curated.service"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if "Unknown command" in said or "unrecognized option" in said:
        pytest.skip(f"this systemd-analyze is too old: {said.strip()}")
    return said


def exposure(said: str) -> float:
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", said)
    assert found, said
    return float(found[1])


@pytest.mark.parametrize("folders", [USUAL, AT_HOME], ids=["in /srv", "at home"])
def test_the_exposure_is_at_most_a_half(home: Home, monkeypatch: pytest.MonkeyPatch, folders: Sandbox) -> None:
    text = service.system_unit_text(["/opt/curated/bin/curated"], None, folders, "me")
    (home.base / "curated.service").write_text(text)
    said = analyze(home, monkeypatch, "security", "--offline=true", "--no-pager")
    assert exposure(said) <= 0.5
    assert "Unknown" not in said
    assert "Failed to parse" not in said


@pytest.mark.parametrize("folders", [USUAL, AT_HOME], ids=["in /srv", "at home"])
@pytest.mark.parametrize(
    "drop_ins", [(), ("curated-cuda.conf", "curated-metrics.conf")], ids=["alone", "with drop-ins"]
)
def test_systemd_understands_every_line(
    home: Home, monkeypatch: pytest.MonkeyPatch, folders: Sandbox, drop_ins: tuple[str, ...]
) -> None:
    config = Path('/home/me/50% off/"x".toml')
    text = service.system_unit_text(["/bin/true"], config, folders, getpass.getuser())
    (home.base / "curated.service").write_text(text)
    said = analyze(home, monkeypatch, "verify", drop_ins=drop_ins)
    assert "curated" not in said, said


def test_the_unit_keeps_its_promises() -> None:
    found = directives(service.system_unit_text(["/opt/curated"], None, USUAL, "me"))
    expected = {
        "Type": "notify", "NotifyAccess": "main", "WatchdogSec": "300", "Restart": "on-failure",
        "RestartPreventExitStatus": "78", "KillMode": "mixed", "User": "me", "PrivateNetwork": "yes",
        "IPAddressDeny": "any", "RestrictAddressFamilies": "AF_UNIX", "ProtectSystem": "strict", "ProtectHome": "yes",
        "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "PrivateDevices": "yes", "LimitCORE": "0",
        "ReadWritePaths": '"/srv/pictures" "/var/lib/curated"', "WantedBy": "multi-user.target",
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert not re.search(r"@[A-Z_]+@", service.system_unit_text(["/opt/curated"], None, USUAL, "me"))


def test_homes_are_hidden_but_for_what_is_needed() -> None:
    found = directives(service.system_unit_text(["/home/me/curated/bin/curated"], None, AT_HOME, "me"))
    assert found["ProtectHome"] == "tmpfs"
    assert '"/home/me/Pictures"' in found["BindPaths"]
    assert found["BindReadOnlyPaths"] == '"-/home/me/curated"'


@pytest.mark.parametrize(
    "name", ["curated.service", "curated-user.service", "curated-cuda.conf", "curated-metrics.conf"]
)
def test_what_is_left_open_says_why(name: str) -> None:
    text = packaged_text(name)
    assert "# Open: " in text
    if name.endswith(".service"):
        assert "# Open: MemoryDenyWriteExecute=" in text


def elsewhere(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests live below /tmp, which the sandbox refuses: here that is another folder."""
    monkeypatch.setattr(places, "_TEMPORARY", (Path("/nowhere"),))
    monkeypatch.setattr(service, "SYSTEM_UNITS", home.base / "etc")


def test_install_writes_the_unit_as_root_and_prints_it_for_others(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_systemctl(home)
    elsewhere(home, monkeypatch)
    monkeypatch.delenv("SUDO_USER", raising=False)
    said = home.good("service", "install", "--system")
    unit = home.base / "etc" / "curated.service"
    if os.geteuid() != 0:
        assert said.out.startswith("# Written by `curated service install --system`")
        assert "sudo tee" in said.err
        assert not unit.exists()
        return
    found = directives(unit.read_text())
    assert found["ReadWritePaths"] == f'"{home.base}"'  # one mount: files are renamed
    assert found["Environment"] == f'"CURATED_CONFIG={home.config_path}"'
    assert "systemctl daemon-reload && systemctl enable --now curated" in said.out
    assert "nothing to change" in home.good("service", "install", "--system").out
    assert "Removed" in home.good("service", "uninstall", "--system").out
    assert not unit.exists()


def test_root_by_way_of_sudo_is_sent_back_to_the_person(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root is sent back")
    monkeypatch.setenv("SUDO_USER", "me")
    said = home.run("service", "install", "--system")
    assert said.code == 78
    assert "run it as me" in said.err


def test_root_is_sent_to_whom_the_folders_belong(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the sandbox root has no privileges: what is another's cannot be written."""
    if os.geteuid() != 0:
        pytest.skip("only root may give folders away")
    fake_systemctl(home)
    elsewhere(home, monkeypatch)
    monkeypatch.delenv("SUDO_USER", raising=False)
    os.chown(home.library, 1, 1)
    said = home.run("service", "install", "--system")
    assert said.code == 78
    assert f"folders.library: {home.library} is daemon's" in said.err
    assert "run it as daemon" in said.err
    home.library.chmod(0o777)
    home.good("service", "install", "--system")


def test_temporary_folders_are_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    if not home.base.is_relative_to("/tmp"):
        pytest.skip("these tests do not lie below /tmp")
    said = home.run("service", "install", "--system")
    assert said.code == 78
    assert "has a /tmp of its own" in said.err


def test_folders_that_share_only_a_broad_one_are_said_to_be_copied(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(home, monkeypatch)
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setenv("HOME", str(home.base))  # the folders lie side by side in the person's home
    found = places.sandbox(home.config)
    assert not found.renames
    assert home.unsorted in found.writable
    assert home.library in found.writable
    assert "each move is a copy" in home.good("service", "install", "--system").err

"""The systemd user unit, on an XDG_CONFIG_HOME of its own and with a systemctl that only notes what it is told."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from curated.cli import service
from curated.cli.packaged import packaged_text
from tests.cli.test_system import tool
from tests.support.cli_home import Home

SYSTEMD_PATH = os.environ.get("PATH", os.defpath)


@pytest.fixture
def unit(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home.base / "xdg"))
    return home.base / "xdg" / "systemd" / "user" / "curated.service"


def fake_systemctl(home: Home, *, good: bool = True) -> Path:
    told = home.base / "told"
    tool(home, "systemctl", f'echo "$@" >> {shlex.quote(str(told))}; echo inactive; {"exit 0" if good else "exit 5"}')
    return told


def directives(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_install_writes_a_unit_that_starts_this_installation_with_this_configuration(home: Home, unit: Path) -> None:
    fake_systemctl(home)
    said = home.good("service", "install")
    assert "systemctl --user enable --now curated" in said.out
    assert "enable-linger" in said.out
    found = directives(unit.read_text())
    program, word = shlex.split(found["ExecStart"])
    assert word == "run"
    assert os.access(program, os.X_OK)
    assert found["Environment"] == f'"CURATED_CONFIG={home.config_path}"'
    assert not re.search(r"@[A-Z_]+@", unit.read_text())


def test_without_a_configuration_of_its_own_the_unit_names_none(
    home: Home, unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CURATED_CONFIG")
    home.good("service", "install")
    assert "Environment" not in directives(unit.read_text())


def test_the_unit_keeps_its_promises(home: Home, unit: Path) -> None:
    home.good("service", "install")
    found = directives(unit.read_text())
    expected = {
        "Type": "notify", "Restart": "on-failure", "RestartPreventExitStatus": "78", "KillMode": "mixed",
        "NoNewPrivileges": "yes", "RestrictAddressFamilies": "AF_UNIX", "OOMPolicy": "continue", "Nice": "10",
        "WantedBy": "default.target", "WatchdogSec": "300", "LimitCORE": "0", "ExecReload": "/bin/kill -HUP $MAINPID",
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected


def test_install_twice_changes_nothing_and_an_older_unit_is_updated(home: Home, unit: Path) -> None:
    fake_systemctl(home)
    home.good("service", "install")
    text = unit.read_text()
    assert "nothing to change" in home.good("service", "install").out
    unit.write_text(text.replace("Nice=10", "Nice=5"))
    assert "outdated" in home.good("service", "status").out
    assert "Updated" in home.good("service", "install").out
    assert unit.read_text() == text


def test_a_unit_that_somebody_else_wrote_is_neither_replaced_nor_removed(home: Home, unit: Path) -> None:
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/bin/mine\n")
    for command in ("install", "uninstall"):
        said = home.run("service", command)
        assert said.code == 78
        assert "not written by curated" in said.err
    assert "/bin/mine" in unit.read_text()


def test_uninstall_stops_the_service_and_removes_the_unit_alone(home: Home, unit: Path) -> None:
    told = fake_systemctl(home)
    home.file("a.jpg")
    before = home.tree()
    home.good("service", "install")
    assert "Removed" in home.good("service", "uninstall").out
    assert told.read_text().splitlines()[0] == "--user disable --now curated.service"
    assert not unit.exists()
    assert "nothing to remove" in home.good("service", "uninstall").out
    assert home.tree() == before


def test_a_service_that_cannot_be_stopped_is_said_so(home: Home, unit: Path) -> None:
    fake_systemctl(home, good=False)
    home.good("service", "install")
    said = home.good("service", "uninstall")
    assert "could not be stopped" in said.err
    assert "systemctl --user stop curated" in said.out


def test_without_systemd_it_says_so(home: Home, unit: Path) -> None:
    assert "There is no systemctl" in home.good("service", "install").out
    assert "there is no systemctl" in home.good("service", "status").out
    assert "Removed" in home.good("service", "uninstall").out


def test_status_says_what_systemd_says_and_whether_a_daemon_runs(home: Home, unit: Path) -> None:
    fake_systemctl(home)
    assert "not installed" in home.good("service", "status").out
    home.good("service", "install")
    said = home.good("service", "status")
    assert "active   inactive" in said.out
    assert "daemon   not running" in said.out
    assert f"service: {unit} (inactive, inactive)" in home.good("doctor").out


def test_a_wrong_configuration_is_not_installed(home: Home, unit: Path) -> None:
    home.config_path.write_text("[folders\n")
    assert home.run("service", "install").code == 78
    assert not unit.exists()


ODD = Path('/opt/my $tuff/100% "real"/cur\'ated\\x')


@pytest.mark.parametrize("config", [None, Path('/home/me/50% off/$HOME/"x".toml')])
def test_systemd_understands_the_unit_whatever_the_paths(
    home: Home, monkeypatch: pytest.MonkeyPatch, config: Path | None
) -> None:
    monkeypatch.setenv("PATH", SYSTEMD_PATH)
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    runtime = home.base / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    program = home.base / 'my $tuff 100% "real" cur\'ated'
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = home.base / "curated.service"
    unit.write_text(service.unit_text([str(program)], config))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", unit], capture_output=True, text=True, check=False, timeout=60
    )
    said = done.stdout + done.stderr
    assert "curated.service" not in said, said
    if done.returncode:
        pytest.skip(f"systemd-analyze cannot work here: {said.strip()}")


def test_quotes_specifiers_and_variables_in_paths_are_escaped() -> None:
    found = directives(service.unit_text([str(ODD), "-m"], Path("/50% off.toml")))
    assert found["ExecStart"] == '"/usr/bin/env" "/opt/my $$tuff/100%% \\"real\\"/cur\'ated\\\\x" "-m" run'
    assert found["Environment"] == '"CURATED_CONFIG=/50%% off.toml"'


def test_every_directive_that_is_not_plain_has_a_reason_in_the_template() -> None:
    text = packaged_text("curated-user.service")
    assert text.startswith("# Written by `curated service install`")
    assert text.count("\n#") >= 10

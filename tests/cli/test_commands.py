"""The command line as a whole: help, the table of modules, the README, what is imported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from curated.cli.app import MODULES, _register, app
from tests.support.cli_home import Home

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
HEAVY = (
    "torch", "torchvision", "ultralytics", "open_clip", "transformers", "sklearn", "scipy", "onnxruntime", "onnx",
    "cv2", "PIL", "timm", "rapidocr", "imagehash",
)  # fmt: skip


def commands() -> dict[str, Any]:
    """Every command by its words: "undo", "trash list"…"""
    _register([])
    found: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {f"{name} {sub}": each for sub, each in inner.items()} if inner else {name: command}
    return found


def test_every_command_has_help_that_begins_with_a_sentence(home: Home) -> None:
    for words, command in commands().items():
        said = home.good(*words.split(), "--help")
        assert command.help.splitlines()[0].endswith((".", "1 or 78 if one fails.")), words
        assert said.out.startswith(f"Usage: curated {words} "), words
        for parameter in command.params:
            assert parameter.help or parameter.name == "help", f"{words}: {parameter.name} has no help"


def test_no_arguments_and_help_name_every_command(home: Home) -> None:
    for said in (home.good("--help"), home.run()):
        for words in commands():
            assert re.search(rf"^  {words.split()[0]}\b", said.out + said.err, re.MULTILINE), words


def test_each_command_is_in_the_module_that_the_table_names(home: Home) -> None:
    for words, command in commands().items():
        module = f"curated.cli.{MODULES[words.split()[0]]}"
        assert command.callback.__module__ == module, words
    assert set(MODULES) == {words.split()[0] for words in commands()}


def test_the_version_is_printed(home: Home) -> None:
    assert re.fullmatch(r"curated \d+\.\d+\.\d+\n", home.good("--version").out)


def named_in_readme() -> list[tuple[str, list[str]]]:
    """(the words after `curated`, its options) of every command in the README's code."""
    text = README.read_text(encoding="utf-8")
    spans = re.findall(r"`(curated [a-z][^`]*)`", text) + re.findall(
        r"^\$ (curated .*?)(?:\s+#.*)?$", text, re.MULTILINE
    )
    found = []
    for span in spans:
        words = span.replace("\\|", "|").replace("[", "").replace("]", "").split()[1:]
        options = [word for word in words if word.startswith("--")]
        plain = [word for word in words if not word.startswith("-")]
        found.append((" ".join(plain[:2]), options))
    return found


@pytest.mark.skipif(not README.read_text(encoding="utf-8").strip(), reason="the README is not written yet")
def test_every_command_of_the_readme_exists_with_its_options(home: Home) -> None:
    known = commands()
    tops = {words.split()[0] for words in known}
    assert named_in_readme()
    for words, options in named_in_readme():
        first, *rest = words.split()
        assert first in tops, f"README names `curated {words}`"
        groups = [name for name in known if name.startswith(f"{first} ")]
        if groups and rest:
            for sub in rest[0].split("|"):
                assert f"{first} {sub}" in known, f"README names `curated {first} {sub}`"
        for option in options:
            candidates = [known[name] for name in known if name.split()[0] == first]
            there = {flag for command in candidates for parameter in command.params for flag in parameter.opts}
            assert option in there, f"README names `curated {words} {option}`"


_EVERY_LIGHT_COMMAND = """
import json, sys, contextlib, io
from curated.cli import main
commands = json.loads(sys.argv[1])
for command in commands:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        main(command)
heavy = json.loads(sys.argv[2])
print(json.dumps(sorted(name for name in heavy if name in sys.modules)))
"""


def loaded_by(*runs: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _EVERY_LIGHT_COMMAND, json.dumps(runs), json.dumps(HEAVY)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_status_imports_no_model_library_nor_the_daemon(home: Home) -> None:
    home.file("a.jpg")
    more = ["watchdog", "numpy", "rich", "pydantic", "curated.daemon", "curated.filing", "sqlite_utils"]
    done = subprocess.run(
        [sys.executable, "-c", _EVERY_LIGHT_COMMAND, json.dumps([["status"]]), json.dumps([*HEAVY, *more])],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_no_command_but_the_worker_imports_a_model_library(home: Home) -> None:
    home.file("a.jpg")
    home.fail("b.jpg")
    light = [
        "--help", "status", "status --json", "list --json", "show 1", "search a", "duplicates",
        "undo --last 1 --dry-run", "mark trash 1", "trash list", "trash restore 1", "file-as Memes 1",
        "rename 1 other", "retry", "fsck", "doctor", "config show", "config check", "models list", "models verify",
        "service status", "trash empty --yes", "predict", "demo --help", "run --help", "recurate --help",
        "models pull --profile lite", "review",
    ]  # fmt: skip
    covered = {words for words in commands() if any(each.startswith(words) for each in light)}
    assert set(commands()) - covered == {"config init", "models prepare", "service install", "service uninstall"}
    assert loaded_by(*(words.split() for words in light)) == []

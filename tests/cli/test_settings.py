"""config and models."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from curated.cli.packaged import packaged_text
from curated.config import Config, Folders, as_dict, from_dict
from tests.support.cli_home import Home

PREPARED = Folders().cache_path / "models"  # as `make setup` left it; the tests' own cache is empty


def test_init_writes_a_file_that_holds_every_default_and_never_replaces_one(home: Home) -> None:
    target = home.base / "new" / "config.toml"
    said = home.good("config", "init", target)
    assert "`curated doctor`" in said.out
    assert target.read_text() == packaged_text("config.example.toml")
    target.write_text("mine")
    assert home.run("config", "init", target).code == 78
    assert target.read_text() == "mine"


def test_init_goes_to_the_file_in_force(home: Home) -> None:
    home.config_path.unlink()
    home.good("config", "init")
    assert home.config_path.is_file()


def test_init_says_why_a_file_cannot_be_written(home: Home) -> None:
    said = home.run("config", "init", home.config_path / "below.toml")
    assert said.code == 78
    assert "cannot be written" in said.err


def test_the_example_is_the_defaults() -> None:
    text = packaged_text("config.example.toml")
    assert from_dict(tomllib.loads(text), "example") == Config()
    written = tomllib.loads(text)
    for section, table in as_dict(Config()).items():
        if isinstance(table, dict):
            assert set(table) == set(written[section]), section


def test_show_prints_what_is_in_force_in_a_form_that_can_be_read_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.configure('[naming]\ntemplate = "{date:%Y} \\"{caption}\\" \\\\ {original}"\n[watch]\nignore = ["*.psd"]')
    monkeypatch.setenv("CURATED_WATCH__SETTLE_SECONDS", "7")
    said = home.good("config", "show")
    shown = from_dict(tomllib.loads(said.out), "shown")
    assert shown == home.config
    assert shown.watch.settle_seconds == 7
    assert home.good("config", "show", "--json").json[0]["watch"]["ignore"] == ["*.psd"]


def test_check_says_good(home: Home) -> None:
    assert home.good("config", "check").out.endswith("config.toml: good.\n")


def test_models_are_listed_with_size_licence_and_place(home: Home) -> None:
    listed = home.good("models", "list", "--json").json
    lite = [each for each in listed if each["profile"] == "lite"]
    assert {each["role"] for each in lite} >= {"people", "faces", "embedder", "text"}
    assert all(each["licence"] and Path(each["path"]).is_file() and len(each["sha256"]) == 64 for each in lite)
    said = home.good("models", "list")
    assert "Apache-2.0" in said.out
    assert "lite" in said.err


def test_models_verify_compares_every_weight(home: Home) -> None:
    said = home.good("models", "verify")
    assert said.out.count("ok ") >= 5
    assert "BAD" not in said.out


@pytest.mark.models
@pytest.mark.skipif(not PREPARED.is_dir(), reason="`make setup` has not converted the weights")
def test_preparing_what_is_prepared_says_and_changes_nothing(home: Home) -> None:
    shutil.copytree(PREPARED, home.base / "cache" / "models")
    before = sorted((home.base / "cache" / "models").iterdir())
    said = home.good("models", "prepare")
    assert (said.out, said.err) == ("", "")
    assert sorted((home.base / "cache" / "models").iterdir()) == before

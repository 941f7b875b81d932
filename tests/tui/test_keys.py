from __future__ import annotations

import re
from pathlib import Path

import pytest

from curated.cli import main
from curated.config.settings import Keys
from curated.errors import ConfigError
from curated.tui.dialogs import help_groups, help_text
from curated.tui.keys import MEANINGS, bindings, check_keys, each_action, first_key, keymap, shown


def test_the_default_keys_are_good_and_need_no_keymap() -> None:
    check_keys(Keys())
    assert keymap(Keys()) == {}


def test_every_action_has_a_meaning_and_stands_in_the_help() -> None:
    assert [action for action, _ in each_action(Keys())] == sorted(MEANINGS, key=list(Keys.__struct_fields__).index)
    text = help_text(help_groups(Keys(), ["People/Solo", "Memes"])).plain
    for action, meaning in MEANINGS.items():
        assert shown(getattr(Keys(), action)[0]) in text
        assert meaning.sentence.split()[0] in text
    assert "1\u00a0People/Solo" in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"keep": ("x",)}, "review.keys.trash: 'x' is used twice, for keep too"),
        ({"keep": ("!",)}, "review.keys.protect: 'exclamation_mark' is used twice, for keep"),
        ({"keep": ("ctrl+i",)}, "review.keys.dashboard: 'tab' is used twice, for keep"),
        ({"keep": ("ctrl+alt+p",), "open": ("alt+ctrl+p",)}, "review.keys.open: 'alt+ctrl+p' is used twice, for keep"),
        ({"sort": ("spaace",)}, "review.keys.sort: 'spaace' is no key"),
        ({"sort": ("hyperspace+s",)}, "review.keys.sort: 'hyperspace+s' is no key"),
        ({"sort": ("",)}, "review.keys.sort: '' is no key"),
        ({"sort": ("\x1b",)}, "is no key"),
        ({"sort": ("5",)}, "review.keys.sort: '5': the digits 1 to 9 choose"),
        ({"sort": ()}, "review.keys.sort: has no key"),
    ],
)
def test_a_key_that_cannot_be_is_refused_by_name(wrong: dict[str, tuple[str, ...]], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        check_keys(Keys(**wrong))


def test_config_check_looks_at_the_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Unsorted").mkdir()
    file = tmp_path / "config.toml"
    folders = (
        f'[folders]\nunsorted = "{tmp_path}/Unsorted"\nlibrary = "{tmp_path}/Library"\nstate = "{tmp_path}/state"\n'
    )
    monkeypatch.setenv("CURATED_CONFIG", str(file))
    for more, code in (("", 0), ('[review.keys]\nkeep = ["x"]', 2)):
        file.write_text(folders + more, encoding="utf-8")
        with pytest.raises(SystemExit) as ended:
            main(["config", "check"])
        assert bool(ended.value.code) == bool(code)
    assert f"{file}: review.keys.trash: 'x' is used twice" in capsys.readouterr().err


def test_keys_are_written_as_people_write_them() -> None:
    written = [shown(key) for key in ("p", "G", "ctrl+z", "f7", "right", "delete", "question_mark", "!", "pagedown")]
    assert written == ["p", "G", "Ctrl+Z", "F7", "→", "Del", "?", "!", "PgDn"]
    assert first_key(Keys(trash=("f9", "x")), "trash") == "F9"


def test_only_what_differs_from_the_defaults_is_mapped() -> None:
    assert keymap(Keys(keep=("x",), trash=("p", "shift+ctrl+k"))) == {"keep": "x", "trash": "p,ctrl+shift+k"}
    assert {binding.id for binding in bindings("keep", "trash")} == {"keep", "trash"}

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from curated.config import Config, as_dict, check_folders, config_path, from_dict, load, people_range
from curated.errors import EXIT_CONFIG, ConfigError
from tests.support.permissions import without_rights

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"


def parsed(text: str) -> Config:
    return from_dict(tomllib.loads(text), "the file")


def mistake(text: str) -> str:
    """The one line that a document is refused with."""
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    assert caught.value.exit_code == EXIT_CONFIG
    line = str(caught.value)
    assert "\n" not in line
    assert "`" not in line
    assert line.startswith("the file: ")
    return line.removeprefix("the file: ")


def keys(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


DEFAULTS = {key: value for key, value in keys(as_dict(Config())) if key != "category"}


# -- the example ---------------------------------------------------------------------------------------------------


def test_the_example_says_every_key_with_its_default() -> None:
    written = tomllib.loads(EXAMPLE.read_text())
    assert from_dict(written, "the example") == Config()
    assert {key: value for key, value in keys(written) if key != "category"} == {
        key: list(value) if isinstance(value, tuple) else value for key, value in DEFAULTS.items()
    }
    assert set(written["category"][0]) == set(as_dict(Config())["category"][0])


def test_every_key_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text().splitlines()
    bare = [line for line in lines if "=" in line and not line.startswith("#") and "#" not in line]
    rules = {"name", "folder", "kind", "people", "prompts", "words"}  # explained above the list
    assert {line.split("=")[0].strip() for line in bare} <= rules


# -- the file ------------------------------------------------------------------------------------------------------


def test_without_a_file_the_defaults_are_in_force(tmp_path: Path) -> None:
    config = load(environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert config.watch == Config().watch
    assert config.category == Config().category
    assert config.folders.unsorted_path == Path("~/Pictures/Unsorted").expanduser()


def test_the_file_is_looked_for_where_it_is_said_to_be(tmp_path: Path) -> None:
    assert config_path({"CURATED_CONFIG": str(tmp_path / "x.toml"), "XDG_CONFIG_HOME": "/y"}) == tmp_path / "x.toml"
    assert config_path({"XDG_CONFIG_HOME": "/y", "CURATED_CONFIG": ""}) == Path("/y/curated/config.toml")
    assert config_path({}) == Path("~/.config/curated/config.toml").expanduser()
    assert config_path({"XDG_CONFIG_HOME": "relative"}) == config_path({})


def test_relative_folders_count_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[folders]\nunsorted = "in"\nlibrary = "~/out"\nstate = "../state"\n')
    folders = load(path, {}).folders
    assert folders.unsorted_path == tmp_path / "in"
    assert folders.library_path == Path.home() / "out"
    assert folders.database_path == tmp_path / "../state/curated.db"


def test_state_and_cache_are_where_the_desktop_keeps_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/s")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative is ignored")
    folders = Config().folders
    assert folders.database_path == Path("/var/s/curated/curated.db")
    assert folders.cache_path == Path.home() / ".cache/curated"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such configuration file; make one with `curated config init`"),
        (b"[folders\n", "not valid TOML: "),
        (b"a = 1\na = 2\n", "not valid TOML: "),
        (b"\xff\xfe", "cannot be read: it is not UTF-8 text"),
        (b'[folders]\nstate = "~nobody-of-that-name/x"\n', "there is no such user; write the whole path"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "config.toml"
    if content is not None:
        path.write_bytes(content)
    for arguments in ((path, {}), (None, {"CURATED_CONFIG": str(path)})):
        with pytest.raises(ConfigError) as caught:
            load(*arguments)
        assert says in str(caught.value)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


def test_a_folder_in_place_of_the_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory$"):
        load(tmp_path, {})


# -- unknown keys --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unknown", "nearest"),
    [
        ("[watch]\nsetle_seconds = 1", "watch.setle_seconds", "watch.settle_seconds"),
        ("[folder]\nunsorted = 'x'", "folder", "folders"),
        ("[models.ful]\ndetector = 'x'", "models.ful", "models.full"),
        ("[models.full]\ncaptoiner = 'x'", "models.full.captoiner", "models.full.captioner"),
        ("settle_seconds = 1", "settle_seconds", "watch.settle_seconds"),
        ("[models]\ndetector = 'x'", "models.detector", "models.full.detector"),
        ("[[category]]\nname = 'A'\nword = ['x']", "category.word", "category.words"),
        ("[watch]\nwords = []", "watch.words", "category.words"),
        ("[watch]\n'' = 1", "watch.", None),
        ("zzz = 1", "zzz", None),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(text: str, unknown: str, nearest: str | None) -> None:
    line = mistake(text)
    assert f"unknown key {unknown}; the nearest known one is {nearest or ''}" in line
    if nearest:
        assert line.endswith(nearest)


# -- wrong types and values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("watch = 3", "watch: expected table, got whole number"),
        ("[watch]\nsettle_seconds = 'long'", "watch.settle_seconds: expected number, got text"),
        ("[watch]\nsettle_seconds = -1", "watch.settle_seconds: expected number >= 0.0"),
        ("[watch]\nsettle_seconds = nan", "watch.settle_seconds: expected number >= 0.0"),
        ("[watch]\nrescan_seconds = 0", "watch.rescan_seconds: expected number > 0.0"),
        ("[watch]\nrescan_seconds = inf", "watch.rescan_seconds: must be a number that ends, not inf"),
        ("[watch]\nretries = 1.5", "watch.retries: expected whole number, got number"),
        ("[watch]\nrecursive = 'perhaps'", "watch.recursive: expected boolean, got text"),
        ("[watch]\nignore = '*.psd'", "watch.ignore: expected list, got text"),
        ("[watch]\nignore = [1]", "watch.ignore[0]: expected text, got whole number"),
        ("[watch]\npolling = 'often'", 'watch.polling: \'often\' is unknown; one of "auto", "always", "never"'),
        ("[models]\nprofile = 'medium'", 'models.profile: \'medium\' is unknown; one of "auto", "full", "lite"'),
        ("[models]\nbatch_size = 0", "models.batch_size: expected whole number >= 1"),
        ("[models]\nbatch_size = 257", "models.batch_size: expected whole number <= 256"),
        ("[models.lite]\nface_confidence = 1.1", "models.lite.face_confidence: expected number <= 1.0"),
        ("[models.full]\ndetector = 8", "models.full.detector: expected text, got whole number"),
        ("[naming]\nmax_bytes = 4", "naming.max_bytes: expected whole number >= 8"),
        ("[duplicates]\nnear_distance = 65", "duplicates.near_distance: expected whole number <= 64"),
    ],
)
def test_a_wrong_value_is_refused_in_the_words_of_the_file(text: str, line: str) -> None:
    assert mistake(text) == line


@pytest.mark.parametrize("key", DEFAULTS)
def test_no_key_takes_a_table(key: str) -> None:
    section, _, name = key.rpartition(".")
    assert key in mistake(f"[{section}.{name}]\nx = 1")


# -- categories ----------------------------------------------------------------------------------------------------

A = '[[category]]\nname = "A"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("category = []", "at least one [[category]] is needed"),
        ("category = 3", "category: expected list, got whole number"),
        ('[category]\nname = "A"', "a rule opens with [[category]], in two pairs of brackets"),
        ('[[category]]\nfolder = "A"', "[[category]] number 1: has no name; give it one"),
        (A + '[[category]]\nname = " "', "[[category]] number 2: name must not be empty"),
        (A + A, "'A' is there twice"),
        (A + A.replace("A", "a"), "'a' is there twice"),
        (A + 'kind = "picture"', '[[category]] number 1.kind: \'picture\' is unknown; one of "", "photo"'),
        (A + 'words = "cat"', "[[category]] number 1.words: expected list, got text"),
        (A + "people = 2.5", "[[category]] number 1.people: expected text, got number"),
        (A + 'people = "many"', 'category \'A\': people: \'many\' is not a count; write "2", "3+" or "1-4"'),
        (A + 'people = "4-1"', "category 'A': people: '4-1' ends before it begins; write \"1-4\""),
        (A + 'folder = "/etc"', "'/etc' must be a plain folder below the library"),
        (A + 'folder = "../A"', "'../A' must be a plain folder"),
        (A + 'folder = "A/../../B"', "must be a plain folder"),
        (A + 'folder = ".hidden"', "must be a plain folder"),
        (A + 'folder = "A/.hidden"', "must be a plain folder"),
        (A + 'folder = "."', "must be a plain folder"),
        (A + 'folder = " A"', "must be a plain folder"),
        (A + 'folder = "A\\u0000B"', "must be a plain folder"),
        ('[[category]]\nname = "../A"', "must be a plain folder"),
        ('[[category]]\nname = "Trash"', "category 'Trash': 'Trash' is a folder of curated's own; choose another"),
        ('[[category]]\nname = "trash"', "'Trash' is a folder of curated's own"),
        ('[[category]]\nname = "Trash"\nfolder = "A"', "'Trash' is a folder of curated's own"),
        (A + 'folder = "Failed/A"', "'Failed' is a folder of curated's own"),
        (A + 'folder = "Review"', "'Review' is a folder of curated's own"),
        ('[[category]]\nname = "Bin"\n[folders]\ntrash = "Bin"', "'Bin' is a folder of curated's own"),
        ('[folders]\ntrash = "Review"', "folders.trash: review, duplicates, failed and trash must be four different"),
        ('[folders]\ntrash = "Review/Trash"', "none inside another; review is 'Review'"),
        ('[folders]\nreview = "Failed/Review"', "none inside another"),
        ('[folders]\ntrash = "../Trash"', "folders.trash: '../Trash' must be a plain folder"),
        ('[folders]\ntrash = ""', "folders.trash: '' must be a plain folder"),
        (
            A + 'prompts = ["a cat", " "]',
            "category 'A': prompts: one of them is empty; write what such a picture shows",
        ),
        ("[models.full.prompts]\nmeme = []", "models.full.prompts.meme: must not be empty; leave it out for the"),
        ("[models.full.prompts]\nphoto = ['']", "models.full.prompts.photo: one of them is empty"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(text: str, says: str) -> None:
    assert says in mistake(text)


def test_rules_replace_the_default_ones_and_a_count_may_be_a_number() -> None:
    config = parsed(A + "people = 2\n" + '[[category]]\nname = "Review"\n[[category]]\nname = "Trash can"')
    assert [rule.name for rule in config.category] == ["A", "Review", "Trash can"]
    assert config.category[0].people == "2"


@pytest.mark.parametrize(
    ("text", "bounds"),
    [("", None), ("0", (0, 0)), ("2", (2, 2)), ("3+", (3, None)), ("1-4", (1, 4)), ("2-2", (2, 2)), (" 2 ", (2, 2))],
)
def test_a_count_of_people_may_be_exact_open_or_a_range(text: str, bounds: tuple[int, int | None] | None) -> None:
    assert people_range(text) == bounds


@pytest.mark.parametrize(
    "text", ["+", "-", "1-", "-1", "1-2-3", "1-3+", "2++", "two", "1.5", "1 - 4", "٣", "²", "1\n", "9" * 9]
)
def test_anything_else_is_no_count(text: str) -> None:
    if text.strip() != text:
        assert people_range(text) is not None
        return
    with pytest.raises(ConfigError, match="is not a count"):
        people_range(text)


# -- the environment -----------------------------------------------------------------------------------------------


def another(key: str, value: Any) -> tuple[str, Any]:
    """A value that is not the default, as a variable has it and as the configuration does."""
    special = {
        "watch.polling": "always",
        "models.profile": "lite",
        "models.full.precision": "int8",
        "review.pictures": "sixel",
        "metrics.address": "::1",
        "folders.unsorted": "/somewhere/in",
        "folders.library": "/somewhere/out",
        "folders.state": "/somewhere/state",
        "folders.cache": "/somewhere/cache",
    }
    if key in special:
        return special[key], special[key]
    if isinstance(value, bool):
        return str(not value).lower(), not value
    if isinstance(value, int):
        return str(value + 1), value + 1
    if isinstance(value, float):
        return str(value / 2), value / 2
    if isinstance(value, tuple):
        return "*.psd:raw/*", ("*.psd", "raw/*")
    return "other", "other"


@pytest.mark.parametrize("key", DEFAULTS)
def test_every_key_can_be_set_from_the_environment(tmp_path: Path, key: str) -> None:
    text, value = another(key, DEFAULTS[key])
    path = tmp_path / "config.toml"
    path.write_text("[watch]\npoll_seconds = 7.5\n[models.full]\nembedder = 'from the file'\n")
    config = load(
        path, {"CURATED_" + key.upper().replace(".", "__"): text, "UNRELATED__KEY": "x", "CURATED_DEBUG": "1"}
    )
    found = dict(keys(as_dict(config)))
    assert found[key] == value
    if key != "watch.poll_seconds":
        assert found["watch.poll_seconds"] == 7.5
    if key != "models.full.embedder":
        assert found["models.full.embedder"] == "from the file"


def test_an_empty_list_can_be_set_from_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[watch]\nignore = ['*.psd']\n")
    assert load(path, {"CURATED_WATCH__IGNORE": ""}).watch.ignore == ()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CURATED_WATCH__SETLE_SECONDS", "1", "setle_seconds; the nearest known one is CURATED_WATCH__SETTLE_SECONDS"),
        ("CURATED_WATHC__SETTLE_SECONDS", "1", "unknown key wathc; the nearest known one is CURATED_WATCH"),
        ("CURATED_MODELS__DETECTOR", "x", "the nearest known one is CURATED_MODELS__FULL__DETECTOR"),
        ("CURATED_WATCH__POLLING__X", "x", "watch.polling is no table; it has no key x"),
        ("CURATED_MODELS__FULL", "x", "models.full is a table; set one of its keys, CURATED_MODELS__FULL__…"),
        ("CURATED_WATCH__", "x", "unknown key ; the nearest known one is CURATED_WATCH__"),
        ("CURATED_CATEGORY__NAME", "x", "categories cannot be set from the environment"),
        ("CURATED_WATCH__SETTLE_SECONDS", "long", "watch.settle_seconds: expected number, got text"),
        ("CURATED_WATCH__RESCAN_SECONDS", "inf", "watch.rescan_seconds: must be a number that ends"),
        ("CURATED_FOLDERS__TRASH", "../x", "folders.trash: '../x' must be a plain folder"),
    ],
)  # fmt: skip
def test_a_wrong_variable_is_refused_by_its_name(tmp_path: Path, variable: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(environ={"XDG_CONFIG_HOME": str(tmp_path), variable: value})
    assert says in str(caught.value)
    assert variable in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_section_that_is_no_table_is_refused_before_the_environment_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("watch = 3\n")
    with pytest.raises(ConfigError, match="watch is not a table in the configuration file"):
        load(path, {"CURATED_WATCH__SETTLE_SECONDS": "3"})


# -- folders -------------------------------------------------------------------------------------------------------


def placed(tmp_path: Path, **folders: str) -> Config:
    base = {"unsorted": "Unsorted", "library": "Library", "state": "state", "cache": "cache", **folders}
    return from_dict({"folders": {key: str(tmp_path / value) for key, value in base.items()}}, "the file")


@pytest.fixture
def unsorted(tmp_path: Path) -> Path:
    folder = tmp_path / "Unsorted"
    folder.mkdir()
    return folder


def refused(config: Config) -> str:
    with pytest.raises(ConfigError) as caught:
        check_folders(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_good_folders_are_let_pass_and_none_is_made(tmp_path: Path, unsorted: Path) -> None:
    check_folders(placed(tmp_path))
    check_folders(placed(tmp_path, library="a/b/c"))
    check_folders(placed(tmp_path, library="Unsorted2"))
    assert list(tmp_path.iterdir()) == [unsorted]


def test_folders_that_are_missing_the_same_or_nested_are_refused(tmp_path: Path, unsorted: Path) -> None:
    (tmp_path / "file").write_text("a file")
    (tmp_path / "link").symlink_to(unsorted)
    (tmp_path / "Library" / "in").mkdir(parents=True)
    for folders, says in (
        ({"unsorted": "nowhere"}, "folders.unsorted: .*nowhere does not exist; create it"),
        ({"unsorted": "file"}, "folders.unsorted: .*file is not a folder"),
        ({"library": "file"}, "folders.library: .*file is not a folder"),
        ({"library": "file/Library"}, "folders.library: .*file is not a folder"),
        ({"library": "Unsorted"}, "is the same folder as folders.unsorted"),
        ({"library": "link"}, "is the same folder as folders.unsorted"),
        ({"library": "Unsorted/not/yet"}, "folders.library: .* lies inside folders.unsorted"),
        ({"library": "link/not/yet"}, "folders.library: .* lies inside folders.unsorted"),
        ({"library": "x/../Unsorted/y"}, "folders.library: .* lies inside folders.unsorted"),
        ({"unsorted": "Library/in"}, "folders.unsorted: .* lies inside folders.library"),
        ({"state": "Unsorted/state"}, "folders.state: lies inside folders.unsorted"),
        ({"cache": "Unsorted/.cache"}, "folders.cache: lies inside folders.unsorted"),
    ):
        with pytest.raises(ConfigError, match=says):
            check_folders(placed(tmp_path, **folders))


def test_folders_that_may_not_be_written_are_refused(tmp_path: Path, unsorted: Path) -> None:
    library = tmp_path / "Library"
    library.mkdir()
    library.chmod(0o555)
    for mode, says in ((0o555, "folders.unsorted: .* cannot be written"), (0o777, "folders.library: .*give yourself")):
        unsorted.chmod(mode)
        with without_rights(tmp_path), pytest.raises(ConfigError, match=says):
            check_folders(placed(tmp_path))


def test_a_folder_that_may_not_even_be_looked_at_is_one_line(tmp_path: Path, unsorted: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    hidden.chmod(0o000)
    with without_rights(tmp_path):
        assert "cannot be looked at: Permission denied" in refused(placed(tmp_path, library="hidden/Library"))
    hidden.chmod(0o700)

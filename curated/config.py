"""The configuration: one TOML file, overridable by CURATED_SECTION__KEY, unknown keys refused.

Structs are frozen and carry the defaults; `config.example.toml` documents every key and is tested to equal
them. Nothing here touches the folders: `check_folders` is called by what needs them.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from curated.errors import ConfigError

Positive = Annotated[float, msgspec.Meta(gt=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every table in the file."""


class Folders(Section, frozen=True):
    unsorted: str = "~/Pictures/Unsorted"
    library: str = "~/Pictures/Library"
    state: str = ""
    cache: str = ""
    review: str = "Review"
    duplicates: str = "Duplicates"
    failed: str = "Failed"
    trash: str = "Trash"

    @property
    def unsorted_path(self) -> Path:
        return _absolute(self.unsorted)

    @property
    def library_path(self) -> Path:
        return _absolute(self.library)

    @property
    def state_path(self) -> Path:
        return _absolute(self.state) if self.state else _xdg("XDG_STATE_HOME", ".local/state")

    @property
    def cache_path(self) -> Path:
        return _absolute(self.cache) if self.cache else _xdg("XDG_CACHE_HOME", ".cache")

    @property
    def database_path(self) -> Path:
        return self.state_path / "curated.db"


class Watch(Section, frozen=True):
    settle_seconds: NonNegative = 2.0
    rescan_seconds: Positive = 300.0
    recursive: bool = True
    remove_emptied_folders: bool = False
    ignore: tuple[str, ...] = ()
    polling: Literal["auto", "always", "never"] = "auto"
    poll_seconds: Positive = 5.0
    retries: Count = 3
    retry_seconds: Positive = 30.0


class Reading(Section, frozen=True):
    pixel_limit: Annotated[int, msgspec.Meta(ge=1)] = 250_000_000
    thumbnail_pixels: Annotated[int, msgspec.Meta(ge=16)] = 384


class Full(Section, frozen=True):
    detector: str = "yolov8n.pt"
    embedder: str = "ViT-B-32"
    embedder_weights: str = "laion2b_s34b_b79k"
    captioner: str = "Salesforce/blip-image-captioning-base"
    caption_max_tokens: Annotated[int, msgspec.Meta(ge=1)] = 30


class Lite(Section, frozen=True):
    person_confidence: Fraction = 0.6
    face_confidence: Fraction = 0.65
    label_confidence: Fraction = 0.4


class Models(Section, frozen=True):
    profile: Literal["auto", "full", "lite"] = "auto"
    device: str = "auto"
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=256)] = 8
    idle_timeout: Positive = 300.0
    batch_timeout: Positive = 300.0
    decode_threads: Count = 0
    full: Full = Full()
    lite: Lite = Lite()


class Duplicates(Section, frozen=True):
    near_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] = 4
    ask_distance: Annotated[int, msgspec.Meta(ge=0, le=64)] = 8


class Decide(Section, frozen=True):
    kind_confidence: Fraction = 0.5


class Naming(Section, frozen=True):
    template: str = "{caption}"
    keep_human_names: bool = True
    max_bytes: Annotated[int, msgspec.Meta(ge=8, le=240)] = 120


class Category(Section, frozen=True):
    """One rule: every condition that is given must hold; the first rule that holds wins.

    `people` is "2", "3+", "1-4" or "" (not asked); `words` need one whole word in text or caption.
    """

    name: str
    folder: str = ""
    kind: Literal["", "photo", "illustration", "screenshot", "document", "meme"] = ""
    people: str = ""
    prompts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


DEFAULT_CATEGORIES = (
    Category(name="People/Solo", kind="photo", people="1"),
    Category(name="People/Pair", kind="photo", people="2"),
    Category(name="People/Group", kind="photo", people="3+"),
    Category(name="Photos", kind="photo"),
    Category(name="Illustrations", kind="illustration"),
    Category(name="Screenshots", kind="screenshot"),
    Category(name="Documents", kind="document"),
    Category(name="Memes", kind="meme"),
)


class Config(Section, frozen=True):
    folders: Folders = Folders()
    watch: Watch = Watch()
    reading: Reading = Reading()
    models: Models = Models()
    duplicates: Duplicates = Duplicates()
    decide: Decide = Decide()
    naming: Naming = Naming()
    category: tuple[Category, ...] = DEFAULT_CATEGORIES


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """The file in force: $CURATED_CONFIG, else $XDG_CONFIG_HOME/curated/config.toml."""
    if given := environ.get("CURATED_CONFIG"):
        return Path(given).expanduser().absolute()
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "curated" / "config.toml"


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration in force; a missing default file means the defaults.

    Relative folders in a file count from that file's own folder. Raises ConfigError with one line that
    names the file, the key and the mend.
    """
    where = path or config_path(environ)
    explicit = path is not None or "CURATED_CONFIG" in environ
    data: dict[str, Any] = {}
    try:
        data = tomllib.loads(where.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if explicit:
            raise ConfigError(f"{where}: no such configuration file; make one with `curated config init`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not valid TOML: {error}") from error
    for variable, keys, value in _overrides(environ):
        _set(data, keys, value, variable)
    config = from_dict(data, str(where))
    return _resolve(config, where.parent)


def from_dict(data: Mapping[str, Any], where: str) -> Config:
    """The checked configuration of a parsed TOML document; `where` opens every error message."""
    _refuse_unknown(data, Config, "", where)
    try:
        config = msgspec.convert(data, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_readable(str(error))}") from error
    _check_categories(config, where)
    return config


def check_folders(config: Config) -> None:
    """Refuse folders that cannot work: missing, the same, nested, or not writable. Touches no file."""
    unsorted, library = config.folders.unsorted_path, config.folders.library_path
    if not unsorted.is_dir():
        what = "is not a folder" if unsorted.exists() else "does not exist"
        raise ConfigError(f"folders.unsorted: {unsorted} {what}; create it or set folders.unsorted in {config_path()}")
    real_unsorted, real_library = unsorted.resolve(), library.resolve()
    if real_unsorted == real_library:
        raise ConfigError(f"folders.library: is the same folder as folders.unsorted ({unsorted}); choose another")
    if real_library.is_relative_to(real_unsorted):
        raise ConfigError(
            f"folders.library: {library} lies inside folders.unsorted ({unsorted}); choose a folder outside"
        )
    if real_unsorted.is_relative_to(real_library):
        raise ConfigError(
            f"folders.unsorted: {unsorted} lies inside folders.library ({library}); choose a folder outside"
        )
    if library.exists() and not library.is_dir():
        raise ConfigError(f"folders.library: {library} is not a folder; move it away or set folders.library")
    if config.folders.state_path.resolve().is_relative_to(real_unsorted):
        raise ConfigError(f"folders.state: lies inside folders.unsorted ({unsorted}); choose a folder outside")
    for key, folder in (("unsorted", unsorted), ("library", library)):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if not os.access(existing, os.W_OK | os.X_OK) or os.statvfs(existing).f_flag & os.ST_RDONLY:
            raise ConfigError(f"folders.{key}: {existing} cannot be written; give yourself write permission there")


def as_dict(config: Config) -> dict[str, Any]:
    """The configuration as plain values, in the order of the file."""
    builtins: dict[str, Any] = msgspec.to_builtins(config)
    return builtins


def _absolute(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _xdg(variable: str, fallback: str) -> Path:
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / fallback) / "curated"


def _resolve(config: Config, base: Path) -> Config:
    folders = config.folders
    fixed = {
        key: str(base / Path(value).expanduser())
        for key in ("unsorted", "library", "state", "cache")
        if (value := getattr(folders, key))
    }
    return msgspec.structs.replace(config, folders=msgspec.structs.replace(folders, **fixed))


def _fields(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(struct)}


def _refuse_unknown(data: Mapping[str, Any], struct: type[msgspec.Struct], prefix: str, where: str) -> None:
    known = _fields(struct)
    for key, value in data.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            raise ConfigError(f"{where}: unknown key {prefix}{key}; the nearest known one is {prefix}{near}")
        inner = known[key]
        if isinstance(value, Mapping) and isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            _refuse_unknown(value, inner, f"{prefix}{key}.", where)
    if struct is Config and isinstance(data.get("category"), list):
        for index, item in enumerate(data["category"]):
            if isinstance(item, Mapping):
                _refuse_unknown(item, Category, f"category[{index}].", where)


def _overrides(environ: Mapping[str, str]) -> Iterator[tuple[str, list[str], str]]:
    for variable, value in sorted(environ.items()):
        if variable.startswith("CURATED_") and "__" in variable:
            yield variable, variable.removeprefix("CURATED_").lower().split("__"), value


def _set(data: dict[str, Any], keys: list[str], value: str, variable: str) -> None:
    kind: Any = Config
    for key in keys:
        known = _fields(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else {}
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
            hint = f"; the nearest known one is {near[0]}" if near else ""
            raise ConfigError(f"{variable}: unknown key {key}{hint}")
        kind = known[key]
    table = data
    for key in keys[:-1]:
        inner = table.setdefault(key, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{variable}: {key} is not a table in the configuration file")
        table = inner
    if kind == tuple[str, ...]:
        table[keys[-1]] = [part for part in value.split(":") if part]
    elif keys == ["category"]:
        raise ConfigError(f"{variable}: categories cannot be set from the environment; use [[category]] in the file")
    else:
        table[keys[-1]] = value


def _readable(message: str) -> str:
    text, _, at = message.partition(" - at `$")
    key = at.rstrip("`").lstrip(".")
    text = text[:1].lower() + text[1:]
    return f"{key}: {text}" if key else text


def _check_categories(config: Config, where: str) -> None:
    if not config.category:
        raise ConfigError(f"{where}: category: at least one [[category]] is needed; leave it out for the defaults")
    seen: set[str] = set()
    folders = config.folders
    reserved = {folders.review, folders.duplicates, folders.failed, folders.trash}
    for rule in config.category:
        if not rule.name.strip():
            raise ConfigError(f"{where}: category.name: must not be empty")
        if rule.name in seen:
            raise ConfigError(f"{where}: category.name: {rule.name!r} is there twice; give each its own name")
        if rule.name in reserved - {folders.review}:
            raise ConfigError(f"{where}: category.name: {rule.name!r} is a folder of curated's own; choose another")
        seen.add(rule.name)
        people_range(rule.people, f"{where}: category {rule.name!r}: people")
        _check_relative(rule.folder or rule.name, f"{where}: category {rule.name!r}: folder")
    for key in ("review", "duplicates", "failed", "trash"):
        _check_relative(getattr(folders, key), f"{where}: folders.{key}")
    if len(reserved) < 4:
        raise ConfigError(f"{where}: folders: review, duplicates, failed and trash must be four different folders")


def _check_relative(folder: str, what: str) -> None:
    parts = Path(folder).parts
    if not parts or Path(folder).is_absolute() or ".." in parts or any(part.startswith(".") for part in parts):
        raise ConfigError(f"{what}: {folder!r} must be a plain folder below the library, without '..' or a leading dot")


def people_range(text: str, what: str = "people") -> tuple[int, int | None] | None:
    """(least, most) of "2", "3+" or "1-4"; most None is open; None where nothing is asked."""
    if not text:
        return None
    least, dash, most = text.removesuffix("+").partition("-")
    open_end = text.endswith("+")
    if not least.isdecimal() or (dash and not most.isdecimal()) or (dash and open_end):
        raise ConfigError(f'{what}: {text!r} is not a count; write "2", "3+" or "1-4"')
    if open_end:
        return int(least), None
    return int(least), int(most) if dash else int(least)

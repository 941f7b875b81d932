"""The configuration: one TOML file, overridable by CURATED_SECTION__KEY, unknown keys refused.

Nothing here touches the folders: `check_folders` is called by what needs them.
"""

from curated.config.checks import check_folders, people_range
from curated.config.loading import as_dict, config_path, from_dict, load
from curated.config.settings import (
    DEFAULT_CATEGORIES,
    Category,
    Config,
    Decide,
    Duplicates,
    Folders,
    Full,
    Keys,
    Lite,
    Metrics,
    Models,
    Naming,
    Prompts,
    Reading,
    ReviewSettings,
    Section,
    Taste,
    Watch,
)

__all__ = [
    "DEFAULT_CATEGORIES",
    "Category",
    "Config",
    "Decide",
    "Duplicates",
    "Folders",
    "Full",
    "Keys",
    "Lite",
    "Metrics",
    "Models",
    "Naming",
    "Prompts",
    "Reading",
    "ReviewSettings",
    "Section",
    "Taste",
    "Watch",
    "as_dict",
    "check_folders",
    "config_path",
    "from_dict",
    "load",
    "people_range",
]

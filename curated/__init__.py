"""curated: a daemon that turns an Unsorted folder of pictures into a named, filed, undoable library."""

__version__ = "0.1.0"

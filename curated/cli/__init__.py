"""The command line: it parses, calls one function and prints. It never imports a model library."""

from curated.cli.app import app, main

__all__ = ["app", "main"]

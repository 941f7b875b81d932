"""Filing: how a file gets from one place to another without a byte being lost, and back again."""

from curated.filing.filer import Filer, PlannedFile
from curated.filing.recovery import RecoveryReport, recover
from curated.filing.undo import UndoReport, UndoSelection, UndoStep, undo

__all__ = ["Filer", "PlannedFile", "RecoveryReport", "UndoReport", "UndoSelection", "UndoStep", "recover", "undo"]

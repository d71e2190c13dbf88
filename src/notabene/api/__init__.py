"""Reading what runs recorded, and the edits that people make."""

from __future__ import annotations

from notabene.api.api import Api
from notabene.api.artifacts import ArtifactView, Lineage, Node
from notabene.api.bundle import Exported
from notabene.api.care import GcReport
from notabene.api.consoles import Follower
from notabene.api.diary import DiaryEntry
from notabene.api.history import Grid, History
from notabene.api.imports import Imported
from notabene.api.runs import Runs, RunView
from notabene.api.tables import Tables

__all__ = [
    "Api",
    "ArtifactView",
    "DiaryEntry",
    "Exported",
    "Follower",
    "GcReport",
    "Grid",
    "History",
    "Imported",
    "Lineage",
    "Node",
    "RunView",
    "Runs",
    "Tables",
]

"""What this package writes as JSON, as models: for readers of these files, for the reference, and for tests.

`Result.model_json_schema()` and the like are the JSON Schemas; `Manifest.model_validate_json(...)` checks a file.
Nothing that exports uses them: what is written is checked against them by tests.
"""

from __future__ import annotations

from airflow_savemasks.documents.archive import IndexLine, Manifest
from airflow_savemasks.documents.runs import BadItem, Plan, Result
from airflow_savemasks.documents.shared import Document

DOCUMENTS: dict[str, type[Document]] = {
    "result": Result,
    "plan": Plan,
    "manifest": Manifest,
    "index line": IndexLine,
    "bad item": BadItem,
}

__all__ = ["DOCUMENTS", "BadItem", "IndexLine", "Manifest", "Plan", "Result"]

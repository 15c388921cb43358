"""Names of the groups that copy."""

from __future__ import annotations

from models.spec import SourceSpec


def group_of(app: str, source: SourceSpec) -> str:
    """Consumer group that copies a source: its own, for its topic has its own partition count."""
    return f"{app}.rekey.{source.name}"

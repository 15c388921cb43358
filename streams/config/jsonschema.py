"""The JSON Schema of ``ebbline.toml``, for editors."""

from __future__ import annotations

from typing import Any

from schemas.times import format_duration, format_time
from streams.config.document import Document


def config_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file: names, types and descriptions of all keys.

    What sections must agree on (the grid, names of sources and fields) is beyond it:
    ``ebbline config check`` says.
    """
    schema = Document.model_json_schema(by_alias=True, mode="validation")
    _write_defaults(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _write_defaults(node: Any) -> None:
    """Write defaults as the file would: durations and times as text, no whole sections."""
    for child in node.values() if isinstance(node, dict) else node:
        if isinstance(child, (dict, list)):
            _write_defaults(child)
    if not isinstance(node, dict) or "default" not in node:
        return
    default = node["default"]
    if "$ref" in node or default is None:
        del node["default"]
    elif node.get("format") == "date-time":
        node["default"] = format_time(default)
    elif node.get("type") == "string" and isinstance(default, int):
        node["default"] = format_duration(default)

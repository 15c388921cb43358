"""The commented configuration that ``ebbline init`` writes."""

from __future__ import annotations

from importlib.resources import files


def starter_text() -> str:
    """Text of a complete ``ebbline.toml`` that passes every check."""
    return files("streams.config").joinpath("starter.toml").read_text(encoding="utf-8")

"""The configuration that describes the simulator's events."""

from __future__ import annotations

from importlib.resources import files


def configuration(name: str) -> str:
    """The demo's ``ebbline.toml`` for an app (and prefix of topics) of this name."""
    template = files("streams.demo").joinpath("ebbline.toml").read_text(encoding="utf-8")
    return template.replace("{name}", name)

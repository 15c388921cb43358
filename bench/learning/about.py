"""What the bench of truth ran on."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from bench.context import ROOT
from bench.machine import cpu_name, said

PACKAGES = ("river", "numpy", "lightgbm", "scikit-learn")


def about(*, quick: bool) -> dict[str, Any]:
    """When, on what, with which versions."""
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": said("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "cpu": cpu_name(),
        "packages": {name: version(name) for name in PACKAGES},
        "quick": quick,
    }

"""A scoring worker does not import what learns: that takes as long as the rest of its start."""

from __future__ import annotations

import subprocess
import sys

LEARNS = ("river.linear_model", "river.tree", "river.compose", "scipy", "pandas", "sklearn")


def test_a_scoring_worker_does_not_import_what_learns() -> None:
    code = f"import sys, streams.worker; print([m for m in {LEARNS} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[]\n"

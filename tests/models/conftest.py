"""Small slabs: what makes sense for a partition costs more than a whole test's story."""

from __future__ import annotations

import pytest

from models.state import slab


@pytest.fixture(autouse=True)
def _small_slab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slab, "_START", 8)

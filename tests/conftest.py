"""What all tests share: Hypothesis without deadlines, for a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ebbline", deadline=None)
settings.load_profile("ebbline")

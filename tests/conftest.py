"""What all tests share: Hypothesis without deadlines, for a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

from tests.properties import USUAL, scaled

settings.register_profile("ebbline", deadline=None, max_examples=scaled(USUAL))
settings.load_profile("ebbline")

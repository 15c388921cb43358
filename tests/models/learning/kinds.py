"""Kinds of models, as parameters of tests that let each learn for a while."""

from __future__ import annotations

import pytest

from models.learning.factory import KINDS

LONG = ("mixture", "boosted")
"""What takes ten times as long as the others to learn."""

EVERY_KIND = [pytest.param(kind, marks=pytest.mark.slow if kind in LONG else ()) for kind in KINDS]

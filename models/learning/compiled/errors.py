"""Why a model is not compiled."""

from __future__ import annotations


class NotCompilable(Exception):
    """No arrays here say what the model says: River itself has to be asked, row by row."""

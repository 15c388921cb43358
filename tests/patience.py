"""How long tests wait for what must come: it costs nothing where it comes."""

from __future__ import annotations

PATIENCE = 240.0
"""Seconds to wait for what takes a few on a quiet machine: a busy one has been seen to take thirty
times as long, and imports alone may take half a minute there."""

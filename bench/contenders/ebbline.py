"""Ebbline itself: ``ebbline worker --roles score``, with a note of its first record."""

from __future__ import annotations

from bench.contenders import first_fetch
from bench.notes import settings
from streams.cli import main

if __name__ == "__main__":
    given, notes = settings()
    first_fetch.watch(notes, given["topics"])
    main(["worker", "--roles", "score", "--config", given["config"], "--log-level", "WARNING"])

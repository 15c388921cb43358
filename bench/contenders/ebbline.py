"""Ebbline itself: ``ebbline worker --roles score``, with a note of its first record.

With ``profile`` in the settings it is sampled from then on.
"""

from __future__ import annotations

from pathlib import Path

from bench.contenders import first_fetch
from bench.notes import settings
from bench.sampling import Sampler
from streams.cli import main

if __name__ == "__main__":
    given, notes = settings()
    sampler = Sampler() if given["profile"] else None
    first_fetch.watch(notes, given["topics"], sampler.start if sampler else None)
    try:
        main(["worker", "--roles", "score", "--config", given["config"], "--log-level", "WARNING"])
    finally:
        if sampler:
            sampler.stop(Path(given["profile"]))

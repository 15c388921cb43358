"""What a contender says of itself: when its first record came, and when its last one had come.

Standard library only: the peers' environments import it too.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Notes:
    """Two moments, each written once to a file beside the settings."""

    folder: Path
    _said: set[str] = field(default_factory=set)

    def first(self) -> None:
        """The first record is there: the measured time begins."""
        self._say("first")

    def last(self) -> None:
        """The last record has been read (for contenders without outputs)."""
        self._say("last")

    def _say(self, what: str) -> None:
        if what in self._said:
            return
        self._said.add(what)
        moment = {"wall": time.time(), "cpu": time.process_time()}
        part = self.folder / f"{what}.part"
        part.write_text(json.dumps(moment))
        part.replace(self.folder / f"{what}.json")


def settings() -> tuple[dict[str, Any], Notes]:
    """The settings that the harness wrote for this process, and where its notes go."""
    path = Path(sys.argv[1])
    found: dict[str, Any] = json.loads(path.read_text())
    return found, Notes(path.parent)

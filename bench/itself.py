"""Parts in which Ebbline is compared with itself: each a program that prints its own section."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from bench.context import Context
from bench.programs import said


class Itself(NamedTuple):
    """A part of this kind. name: of the module; title: of the section."""

    name: str
    title: str
    about: str

    def measure(self, context: Context) -> dict[str, Any]:
        """Run the program; its keys, and what it printed under ``<name>_section``."""
        target = context.folder / f"{self.name}.json"
        quick = ("--quick",) if context.quick else ()
        text = said(context, self.name, "--json", str(target), *quick)
        found: dict[str, Any] = orjson.loads(target.read_bytes())
        return {**found, f"{self.name}_section": text}

    def tell(self, figures: dict[str, Any]) -> str:
        """What it printed, under its title."""
        about = self.about[0].upper() + self.about[1:]
        return f"## {self.title}\n\n{about}.\n\n{figures[f'{self.name}_section']}"


WORKERS = Itself(
    "workers",
    "Two workers",
    "two workers with all services on two cores against one worker with all services on one",
)
CAPACITY = Itself(
    "capacity", "Few users held", "a worker that holds a tenth of its users in memory"
)
GROWTH = Itself("growth", "How the cost grows", "one worker on ever more of one thing")
STARTUP = Itself(
    "startup",
    "Start-up",
    "process start to first score, with a million users in Redis",
)

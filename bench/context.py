"""What every part of the bench is given."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from bench.stage import Stage
from streams.embedded import Services

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Context:
    """One run of the bench.

    stage: the job on its topics. folder: for files of the run. peers_python: the interpreter of
    the peers' own environment. runs: alternating runs of each contender. contenders: names of
    those to run, empty for all. figures: what the parts so far have found.
    """

    services: Services
    stage: Stage
    folder: Path
    peers_python: Path
    runs: int = 5
    contenders: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def quick(self) -> bool:
        """Whether this is the shorter version."""
        return self.stage.quick

    def say(self, line: str) -> None:
        """A line of progress, on standard error."""
        click.echo(line, err=True)
        sys.stderr.flush()

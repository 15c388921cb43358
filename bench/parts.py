"""The parts of the bench: figures for ``build/bench.json``, and a section of the report.

The side-by-side part runs in this process; every other one is a program of its own that can be
run alone: ``python -m bench.NAME --json FILE`` prints its section (Markdown) and writes its keys.
A part that fails is reported with its error, and the others go on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from bench import sidebyside
from bench.context import ROOT, Context

LONGEST = 3_600.0


class PartFailed(Exception):
    """A part's program ended with an error; the message is the last that it said."""


class Part(Protocol):
    """One part. about: a line for ``--help``."""

    @property
    def name(self) -> str:
        """What ``--only`` calls it."""

    @property
    def about(self) -> str:
        """What it measures."""

    def run(self, context: Context) -> tuple[dict[str, Any], str]:
        """Its keys of the JSON, and its section of the report."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """All contenders, alternating."""

    name: str = "contenders"
    about: str = "events a second of Ebbline, Faust, Quix Streams, Bytewax and the two ceilings"

    def run(self, context: Context) -> tuple[dict[str, Any], str]:
        """Run them all."""
        figures = sidebyside.run(context)
        return figures, sidebyside.section(figures)


@dataclass(frozen=True, slots=True)
class Program:
    """A part that is a program of its own. options, quick: further words of its command line."""

    name: str
    title: str
    about: str
    options: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()

    def run(self, context: Context) -> tuple[dict[str, Any], str]:
        """Run it, its progress on our standard error."""
        target = context.folder / f"{self.name}.json"
        words = [*self.options, *(self.quick if context.quick else ())]
        done = subprocess.run(
            [sys.executable, "-m", f"bench.{self.name}", "--json", str(target), *words],
            cwd=ROOT,
            env=os.environ | context.services.environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=LONGEST,
            check=False,
        )
        if done.returncode != 0:
            said = done.stdout.strip().splitlines()[-1:] or ["its error is above"]
            raise PartFailed(f"python -m bench.{self.name} ended with {done.returncode}: {said[0]}")
        figures: dict[str, Any] = orjson.loads(target.read_bytes())
        return figures, f"## {self.title}\n\n{self.about.capitalize()}.\n\n{done.stdout.strip()}"


PARTS: tuple[Part, ...] = (
    SideBySide(),
    Program(
        "scoring",
        "Compiled scoring",
        "probabilities of whole batches against River's own predict_proba_one, row by row",
        quick=("--examples", "4000", "--repeats", "3"),
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a part came to. figures and section: empty if it failed; error: None unless it did."""

    part: Part
    figures: dict[str, Any]
    section: str
    seconds: float
    error: str | None = None


def run_parts(parts: Sequence[Part], context: Context) -> list[Outcome]:
    """Run parts one after the other; a failing one does not stop the others."""
    return [_run(part, context) for part in parts]


def _run(part: Part, context: Context) -> Outcome:
    context.say(f"== {part.name}: {part.about}")
    began = time.monotonic()
    try:
        figures, section = part.run(context)
    except Exception as error:  # noqa: BLE001  # whatever it was: the others go on
        message = f"{type(error).__name__}: {error}"
        context.say(message)
        return Outcome(part, {}, "", time.monotonic() - began, message)
    return Outcome(part, figures, section, time.monotonic() - began)

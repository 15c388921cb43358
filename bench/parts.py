"""The parts of the bench: figures for ``build/bench.json``, and a section of the report.

Parts that need the job's topics run in this process; every other one is a program of its own that
can be run alone: ``python -m bench.NAME --json FILE`` prints its section (Markdown, or JSON) and
writes its keys.
A part that fails is reported with its error, and the others go on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from bench import profiling, sidebyside
from bench.context import ROOT, Context

LONGEST = 3_600.0


class PartFailed(Exception):
    """A part's program ended with an error."""


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
class Module:
    """A part in this process. measure: its keys of the JSON. tell: its section, from these."""

    name: str
    about: str
    measure: Callable[[Context], dict[str, Any]]
    tell: Callable[[dict[str, Any]], str]

    def run(self, context: Context) -> tuple[dict[str, Any], str]:
        """Measure, then tell."""
        figures = self.measure(context)
        return figures, self.tell(figures)


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
            raise PartFailed(
                f"python -m bench.{self.name} ended with {done.returncode}; its error is above"
            )
        figures: dict[str, Any] = orjson.loads(target.read_bytes())
        said = done.stdout.strip()
        if said.startswith("{"):
            said = f"```json\n{said}\n```"
        return figures, f"## {self.title}\n\n{self.about[0].upper()}{self.about[1:]}.\n\n{said}"


PARTS: tuple[Part, ...] = (
    Module(
        "contenders",
        "events a second of Ebbline, Faust, Quix Streams, Bytewax and the two ceilings",
        sidebyside.run,
        sidebyside.section,
    ),
    Module("profile", "where Ebbline's time goes in that job", profiling.run, profiling.section),
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

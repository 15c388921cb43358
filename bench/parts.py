"""The parts of the bench: figures for ``build/bench.json``, and a section of the report each.

A part is two functions: ``measure(context)`` gives its keys of the JSON, ``tell(figures)`` puts
them into words and tables (Markdown). Those before it have left theirs in ``context.figures``. A
part that fails is reported with its error, and the others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench import itself, profiling, programs, sidebyside
from bench.context import Context


@dataclass(frozen=True, slots=True)
class Part:
    """One part. about: a line for ``--help``. measure, tell: see above."""

    name: str
    about: str
    measure: Callable[[Context], dict[str, Any]]
    tell: Callable[[dict[str, Any]], str]


PARTS = (
    Part(
        "contenders",
        "events a second of Ebbline, Faust, Quix Streams, Bytewax and the two ceilings",
        sidebyside.run,
        sidebyside.section,
    ),
    Part("profile", "where Ebbline's time goes in that job", profiling.run, profiling.section),
    Part(
        "scoring",
        "compiled models against River's own predict_proba_one",
        programs.scoring,
        programs.scoring_section,
    ),
    Part("latency", "event to score at half the load", programs.latency, programs.latency_section),
    Part("memory", "a million users in one worker", programs.memory, programs.memory_section),
    Part(
        "rekey",
        "copying topics that are not keyed by user, beside bare aiokafka",
        programs.rekeying,
        programs.rekeying_section,
    ),
    *(
        Part(one.name, one.about, one.measure, one.tell)
        for one in (itself.WORKERS, itself.CAPACITY, itself.GROWTH, itself.STARTUP)
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
        figures = part.measure(context)
        section = part.tell(figures)
    except Exception as error:  # noqa: BLE001  # whatever it was: the others go on
        message = f"{type(error).__name__}: {error}"
        context.say(message)
        return Outcome(part, {}, "", time.monotonic() - began, message)
    context.figures.update(figures)
    return Outcome(part, figures, section, time.monotonic() - began)

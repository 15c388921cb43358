"""Parts of a source: some of its users, one kind of its events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from schemas.mapping import Path
from streams.faults.chance import chosen
from streams.faults.fields import found
from streams.faults.log import Chosen, Events
from streams.faults.span import Span


class Part:
    """Which events of a source are meant: all of them."""

    def of(self, events: Events) -> Chosen:
        """bool[n]."""
        return np.ones(len(events), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Users(Part):
    """All events of about this share of the users."""

    share: float
    seed: int = 1

    def of(self, events: Events) -> Chosen:
        """By a seeded hash of the user, which is not that of a sample (streams.study.logs)."""
        return chosen(events.keys, self.share, f"fault, seed {self.seed}")


@dataclass(frozen=True, slots=True)
class Kind(Part):
    """Events with this value in a field; the value as text."""

    path: Path
    value: str

    def of(self, events: Events) -> Chosen:
        """By the field's text."""
        texts = [str(value) for value in found(events.values, self.path)]
        return np.array([text == self.value for text in texts], dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Records(Part):
    """About this share of the events, whoever they are of."""

    share: float
    seed: int = 1

    def of(self, events: Events) -> Chosen:
        """By a seeded hash of the record."""
        return chosen(events.values, self.share, f"seed {self.seed}")


def touched(span: Span, part: Part, events: Events) -> Chosen:
    """Events of the part that arrive in the span; bool[n]."""
    which = span.inside(events.arrivals)
    which[which] = part.of(events.part(which))
    return which

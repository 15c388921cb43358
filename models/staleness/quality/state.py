"""What the gate keeps of one source in one partition record: slots, the window, what is usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.grid import NEVER
from models.staleness.quality.histogram import Histogram
from models.staleness.quality.reference import Expected, Reference
from models.staleness.quality.repeats import Repeats
from models.staleness.quality.tally import Tally
from models.staleness.quality.volume import Drift


@dataclass(slots=True)
class Window:
    """Slots first to last together.

    slots: [slot, events without repeats, expected or -1] of each. usual, low, high: expected
    events, as far as known; unknown: slots of which nothing is.
    """

    first: int
    last: int
    seen: Tally = field(default_factory=Tally)
    slots: list[list[float]] = field(default_factory=list)
    usual: float = 0.0
    low: float = 0.0
    high: float = 0.0
    unknown: int = 0

    def add(self, slot: int, seen: Tally, expected: Expected | None) -> None:
        """Add the next slot; what was seen is used up."""
        self.last = slot
        if self.slots:
            self.seen.merge(seen)
        else:
            self.seen = seen
        self.slots.append([slot, seen.net, -1 if expected is None else expected.usual])
        if expected is None:
            self.unknown += 1
        else:
            self.usual += expected.usual
            self.low += expected.low
            self.high += expected.high

    @property
    def expected(self) -> Expected | None:
        """Events of all slots; None where they are not known of each."""
        return None if self.unknown else Expected(self.usual, self.low, self.high)


@dataclass(slots=True)
class Quality:
    """One source in one partition.

    newest: slot of the newest event. judged: slots up to this one have been. open: the others.
    past: of slots that still take late events, [events, expected or -1, events that came later].
    late: whether any came since the last check. fewer, more: of volumes. bad_until: end of the
    newest bad window. good: windows since then, the first of which began at good_from. unjudged:
    events in slots that lay too far behind the newest one. slot: length of one, microseconds; 0 =
    not known, in a record from before it was kept.
    """

    newest: int = NEVER
    judged: int = NEVER
    open: dict[str, Tally] = field(default_factory=dict)
    past: dict[str, list[int]] = field(default_factory=dict)
    late: bool = False
    fewer: Drift = field(default_factory=Drift)
    more: Drift = field(default_factory=Drift)
    window: Window | None = None
    usual: Reference = field(default_factory=Reference)
    bad_until: int = NEVER
    good_from: int = NEVER
    good: int = 0
    unjudged: int = 0
    slot: int = 0

    def cut_into(self, slot: int) -> None:
        """Slots have this length from now on; what was counted by others begins anew.

        What has come in slots that were not judged yet is not judged. Shares and distributions are
        of records, not of slots: they stay.
        """
        before, self.slot = self.slot or slot, slot
        if before == slot:
            return
        self.unjudged += sum(seen.events for seen in self.open.values())
        self.judged = _recut(max(self.newest, self.judged), before, slot)
        self.newest = _recut(self.newest, before, slot)
        self.open, self.past, self.window, self.late = {}, {}, None, False
        self.fewer, self.more = Drift(), Drift()
        self.usual.cut_otherwise()

    def relearn(self) -> None:
        """What has come was right after all: what is usual is learned anew."""
        self.usual, self.window, self.good = Reference(), None, 0
        self.fewer, self.more = Drift(), Drift()


def _recut(number: int, before: int, slot: int) -> int:
    """Slot in which another one of the length ``before`` ends."""
    return NEVER if number == NEVER else ((number + 1) * before - 1) // slot


def quality_from(content: Mapping[str, Any]) -> Quality:
    """Read back what was written as JSON. Raises KeyError, TypeError where it is something else."""
    if not content:
        return Quality()
    window = content["window"]
    return Quality(
        **{
            **content,
            "open": {slot: _tally(seen) for slot, seen in content["open"].items()},
            "window": window and Window(**{**window, "seen": _tally(window["seen"])}),
            "fewer": Drift(**content["fewer"]),
            "more": Drift(**content["more"]),
            "usual": Reference(
                **{**content["usual"], "fields": _histograms(content["usual"]["fields"])}
            ),
        }
    )


def _tally(content: Mapping[str, Any]) -> Tally:
    fields, repeats = _histograms(content["fields"]), Repeats(**content["repeats"])
    return Tally(**{**content, "fields": fields, "repeats": repeats})


def _histograms(content: Mapping[str, Any]) -> dict[str, Histogram]:
    return {name: Histogram(**values) for name, values in content.items()}

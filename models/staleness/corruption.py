"""Intervals of event time in which a source's data is wrong, and what was decided about them.

An interval covers the events with begin < time <= end, as panes and windows do. While it is open
(its end is not known), nothing of the source is used past its begin. Closed, the source is used
again, without the interval: windows leave it out. Somebody may then accept the data, or reject it
for good; once the state has been computed again without the rejected events, it is repaired.

    open -> closed -> accepted
                   -> rejected -> repaired
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from models.grid import NEVER
from schemas.sources import IntervalState
from schemas.verdicts import Verdict

FOREVER: Final = -NEVER
"""Later than any time."""

MAX_KEPT: Final = 64
"""Intervals of a source that are kept in one partition; settled ones leave first, oldest first."""

LEFT_OUT: Final = ("open", "closed", "rejected")
"""States in which windows leave an interval out."""


@dataclass(slots=True)
class Interval:
    """One stretch of wrong data of one source.

    begin, end: see the module; end is None while it is open. noticed: the partition's clock when it
    was found. by: ``gate``, or who gave the verdict. through: newest offset of the source's topic
    that a rejection is about: what comes later, corrected data say, counts.
    """

    id: str
    begin: int
    end: int | None
    state: IntervalState
    reason: str
    noticed: int
    by: str
    through: int = -1

    def touches(self, begin: int, until: int) -> bool:
        """Whether any time t with begin < t <= until is in it."""
        return self.begin < until and begin < (FOREVER if self.end is None else self.end)


@dataclass(slots=True)
class Intervals:
    """All that are known of one source in one partition, by begin. dropped: beyond MAX_KEPT."""

    known: list[Interval] = field(default_factory=list)
    dropped: int = 0

    @property
    def corrupt_since(self) -> int:
        """Event time after which the data is wrong now; NEVER: it is clean."""
        return min((one.begin for one in self.known if one.state == "open"), default=NEVER)

    @property
    def good_through(self) -> int:
        """Events up to and at this time may be used; FOREVER: all."""
        return min((one.begin for one in self.known if one.state == "open"), default=FOREVER)

    @property
    def excluded(self) -> list[tuple[int, int]]:
        """(begin, end) of what windows leave out, apart from each other and ascending.

        An open interval ends at FOREVER.
        """
        found: list[tuple[int, int]] = []
        for one in self.known:
            if one.state in LEFT_OUT:
                end = FOREVER if one.end is None else one.end
                if found and one.begin <= found[-1][1]:
                    found[-1] = (found[-1][0], max(found[-1][1], end))
                else:
                    found.append((one.begin, end))
        return found

    def find(self, interval_id: str) -> Interval | None:
        """The interval of that id."""
        return next((one for one in self.known if one.id == interval_id), None)

    def add(self, interval: Interval) -> None:
        """Note an interval."""
        self.known.append(interval)
        self.known.sort(key=lambda one: (one.begin, one.id))
        while len(self.known) > MAX_KEPT:
            settled = [one for one in self.known if one.state in ("accepted", "repaired")]
            self.known.remove((settled or self.known)[0])
            self.dropped += 1

    def rule(self, verdict: Verdict, reached: int, clock: int) -> bool:
        """Carry out a verdict; whether anything changed.

        reached: newest event time seen, where an interval that is open ends if the verdict does
        not say, or decides about more than has come. clock: the partition's.
        """
        before = [replace(one) for one in self.known]
        if verdict.action == "corrupt":
            self._mark(verdict, clock)
        else:
            for one in self._meant(verdict):
                _settle(one, verdict, reached)
        return self.known != before

    def _mark(self, verdict: Verdict, clock: int) -> None:
        assert verdict.begin is not None
        if self.find(verdict.id) is None:
            state: IntervalState = "open" if verdict.until is None else "closed"
            reason = verdict.reason or "operator"
            self.add(
                Interval(verdict.id, verdict.begin, verdict.until, state, reason, clock, verdict.by)
            )

    def _meant(self, verdict: Verdict) -> list[Interval]:
        if verdict.interval is not None:
            return [one for one in self.known if one.id == verdict.interval]
        begin = NEVER if verdict.begin is None else verdict.begin
        until = FOREVER if verdict.until is None else verdict.until
        return [
            one
            for one in self.known
            if one.touches(begin, until)
            # what somebody found right is not rejected for being next to what is wrong
            and not (
                verdict.action == "reject"
                and one.state == "accepted"
                and not _in(one, begin, until)
            )
        ]


def _in(one: Interval, begin: int, until: int) -> bool:
    return begin <= one.begin and one.end is not None and one.end <= until


def _settle(one: Interval, verdict: Verdict, reached: int) -> None:
    """Move one interval on; what cannot come next leaves it as it is.

    What is decided of an open one is decided of what has come: its end does not lie ahead, or what
    is found wrong next would begin there.
    """
    if one.end is None:
        end = reached if verdict.until is None else verdict.until
        if verdict.action in ("accept", "reject"):
            end = min(end, reached)
        one.end, one.state = max(one.begin, end), "closed"
    if verdict.action == "accept" and one.state != "repaired":
        one.state = "accepted"
    elif verdict.action == "reject" and one.state != "repaired":
        one.state = "rejected"
    elif verdict.action == "repaired" and one.state == "rejected":
        one.state = "repaired"

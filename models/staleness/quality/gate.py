"""The gate: gathers slots of event time, judges windows of them at the checks, writes intervals.

A slot is judged once the source's watermark has passed it: so a backlog that lands late, or the
newest first, looks like any other data. A window is a run of slots with enough events. One that
fails opens an interval, from the slot before it on: a fault that begins at a slot's very end does
not show in it. When enough windows in a row are good the interval is closed, a slot behind the last
bad one. Nothing is learned meanwhile, so what is usual does not drift towards the fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.grid import NEVER, Int
from models.spec import SourceSpec, Spec
from models.staleness.corruption import Interval, Intervals
from models.staleness.quality import afterwards
from models.staleness.quality.gathered import MAX_OPEN, Gathered, gathered
from models.staleness.quality.reasons import together
from models.staleness.quality.reference import Expected
from models.staleness.quality.state import Quality, Window
from models.staleness.quality.tally import Records, Tally, watched_of
from models.staleness.quality.trials import SAFETY, Court, once_in, tail
from models.staleness.quality.volume import bound, deviations, matters
from schemas.sources import IntervalState
from schemas.times import DAY

BY: Final = "gate"
LONGEST: Final = 7 * DAY
"""A window that has not enough events after so long is let go: neither judged nor learned from."""
SLOTS_OUT_OF_ORDER: Final = 50
"""Slots are so wide that no more of them lie within the source's out-of-orderness."""
NEAR: Final = 6
"""Slots between two settled intervals that belong together."""
CHANGED: Final = 7 * DAY
LASTING: Final = 0.5
"""Part of the usual deviations that is enough while an interval is open."""


class Gate:
    """Watches one source in one partition. state, intervals: of the partition record."""

    def __init__(
        self, spec: Spec, source: SourceSpec, partition: int, state: Quality, intervals: Intervals
    ) -> None:
        every = spec.health.every
        self.slot = every * max(1, -(-source.out_of_orderness // (SLOTS_OUT_OF_ORDER * every)))
        self.source, self.spec, self.state, self.intervals = (
            source,
            source.quality,
            state,
            intervals,
        )
        state.cut_into(self.slot)
        self.watched = watched_of(spec, source)
        self._partition = partition
        tests = bool(self.spec.tests)
        self._far = tail(self.spec, self.watched, self.slot) if tests else 0.0
        slots = once_in(self.spec, self.watched, self.slot) if tests else 1.0
        self._high = SAFETY**2 * bound(slots)

    @property
    def court(self) -> Court:
        """Who tries windows, by what is usual now; less evidence will do for a fault that lasts."""
        far = self._far if self.current is None else LASTING * self._far
        return Court(self.spec, self.watched, self.state.usual, far)

    # --- between checks ----------------------------------------------------------------------

    def gathered(self, records: Records, marks: Int) -> dict[int, Gathered]:
        """What came in each stretch of a piece. marks: the source's watermarks at its checks."""
        if not self.spec.tests:
            return {}
        done = np.where(marks == NEVER, NEVER, marks // self.slot - 1)
        judged = np.maximum.accumulate(np.append(self.state.judged, done))
        return gathered(self.watched, self.slot, self.state.newest, judged, records)

    def take(self, came: Gathered) -> None:
        """Take in what came since the check before; it is used up."""
        state = self.state
        for slot, count in came.late.items():
            if (known := state.past.get(str(slot))) is not None:
                known[2] += count
                state.late = True
        state.unjudged += came.unjudged
        for slot, seen in came.slots.items():
            self._add(slot, seen)
        if came.newest != NEVER:
            state.newest = came.newest
            for name in [name for name in state.open if int(name) <= came.newest - MAX_OPEN]:
                state.unjudged += state.open.pop(name).events
        for slot, counts in came.refused.items():
            self._add(slot, Tally(rejected=counts))

    def _add(self, slot: int, seen: Tally) -> None:
        known = self.state.open.get(str(slot))
        if known is None:
            self.state.open[str(slot)] = seen
        else:
            known.merge(seen)

    # --- at a check --------------------------------------------------------------------------

    def check(self, time: int, watermark: int) -> None:
        """Judge what is complete. time: of the check. watermark: of the source then."""
        state = self.state
        if not self.spec.tests or watermark == NEVER:
            return
        done = watermark // self.slot - 1
        for slot in sorted([slot for slot in map(int, state.open) if slot <= done]):
            self._close(slot, state.open.pop(str(slot)), time)
        state.judged = max(state.judged, done)
        self._look_ahead(time)
        afterwards.look_back(self, time)
        oldest = max((watermark - self.source.allowed_lateness) // self.slot - 1, done - MAX_OPEN)
        while state.past and int(name := next(iter(state.past))) < oldest:
            events, _, late = state.past.pop(name)
            if not self.touched(int(name)):
                state.usual.learn_late(events, late)

    def _close(self, slot: int, seen: Tally, time: int) -> None:
        """A slot is complete."""
        state, begin, net = self.state, slot * self.slot, seen.net
        expected = state.usual.expected(begin)
        state.past[str(slot)] = [net, -1 if expected is None else round(expected.usual), 0]
        window = state.window
        if window is None or (slot - window.first) * self.slot > LONGEST:
            window = state.window = Window(slot, slot)
        window.add(slot, seen, expected)
        if expected is not None and net > 0:
            self._watch_volume(slot, net, expected, time)
        enough = max(window.seen.events + window.seen.refused, window.usual)
        if enough >= self.spec.min_samples:
            state.window = None
            self._judge(window, time)

    def _judge(self, window: Window, time: int) -> None:
        state, begin = self.state, window.first * self.slot
        self._give_in(begin)
        trials = list(self.court.trials(window.seen))
        ready = state.usual.ready(begin)
        found_out = [trial for trial in trials if trial.finding is not None] if ready else []
        wrong = [trial.finding or "" for trial in found_out if not trial.harmless]
        wrong += self._still(window)
        for trial in found_out:
            if trial.harmless:
                last = (window.last + 1) * self.slot
                self.note(begin, last, trial.finding or "", time, state="accepted")
        if wrong:
            self._bad(window.first, window.last, wrong, time)
        elif (found := self.current) is not None:
            if state.good == 0:
                state.good_from = max(begin, state.bad_until)
            state.good += 1
            if state.good >= self.spec.recover:
                found.end, found.state = state.good_from + self.slot, "closed"
        elif self.intervals.corrupt_since == NEVER:
            state.usual.learn(window.seen, {trial.name: trial.scatter for trial in trials}, begin)
            for slot, events, expected in window.slots:
                state.usual.learn_slot(int(slot) * self.slot, int(events), expected)

    def _give_in(self, begin: int) -> None:
        """A volume that has been unusual for a week, and nothing else, is no fault but a change."""
        found = self.current
        if found is None or not found.reason.startswith("volume:") or ";" in found.reason:
            return
        if begin - found.begin >= CHANGED:
            found.end, found.state = begin, "accepted"
            found.reason += "; it has lasted for a week, so it is learned anew"
            self.state.usual.forget_volume()

    def _watch_volume(self, slot: int, events: int, expected: Expected, time: int) -> None:
        """Add a slot to the sums of what is missing, and of what is too much."""
        state, noise = self.state, self.state.usual.excess
        if "volume" not in self.spec.tests or noise is None or self.current is not None:
            return
        state.fewer.add(slot, -deviations(events, expected.low, noise), events, expected.low)
        state.more.add(slot, deviations(events, expected.high, noise), events, expected.high)
        for drift, only in ((state.fewer, "only "), (state.more, "")):
            if drift.height > self._high and matters(drift.events, drift.expected):
                words = f"volume: {only}{drift.events} events, usually {drift.expected:.0f}"
                self._bad(drift.since, slot, [words], time)
                state.fewer.clear()
                state.more.clear()
                return

    def _still(self, window: Window) -> list[str]:
        """Whether a volume that was wrong still is."""
        found, expected = self.current, window.expected
        if found is None or expected is None or "volume" not in found.reason:
            return []
        net = window.seen.net
        return [found.reason] if matters(net, expected.usual) else []

    def _look_ahead(self, time: int) -> None:
        """Where most records are rejected the watermark may never come: that is told at once."""
        ahead = {int(slot): seen for slot, seen in self.state.open.items() if seen.rejected}
        if not ahead:
            return
        together = Tally()
        for seen in ahead.values():
            together.merge(Tally(events=seen.events, rejected=seen.rejected))
        if "rejected" not in self.spec.tests or together.refused < self.spec.min_samples:
            return
        finding = self.court.refused(together).finding
        if finding is not None and self.state.usual.ready(min(ahead) * self.slot):
            self._bad(min(ahead), max(ahead), [finding], time)

    def touched(self, slot: int) -> bool:
        """Whether a slot lies in an interval."""
        begin, end = slot * self.slot, (slot + 1) * self.slot
        return any(one.touches(begin, end) for one in self.intervals.known)

    # --- intervals ---------------------------------------------------------------------------

    @property
    def current(self) -> Interval | None:
        """The gate's interval that is open."""
        own = [one for one in self.intervals.known if one.by == BY and one.state == "open"]
        return own[0] if own else None

    def _bad(self, first: int, last: int, wrong: Sequence[str], time: int) -> None:
        state, found = self.state, self.current
        state.bad_until, state.good = max(state.bad_until, (last + 1) * self.slot), 0
        if found is not None:
            found.reason = together(found.reason, wrong)
            return
        known = [one for one in self.intervals.known if one.by == BY and one.state != "accepted"]
        begin = max([(first - 1) * self.slot, *(one.end for one in known if one.end is not None)])
        self.note(begin, None, together("", wrong), time)

    def note(
        self, begin: int, end: int | None, reason: str, time: int, state: IntervalState = "open"
    ) -> None:
        """Write an interval down; one of the same kind that is settled and near it is extended."""
        kind, near = reason.split(":", maxsplit=1)[0], NEAR * self.slot
        for one in self.intervals.known:
            alike = one.by == BY and one.state == state and one.reason.split(":")[0] == kind
            if not alike or end is None or one.end is None:
                continue
            if one.touches(begin - near, end + near):
                one.begin, one.end = min(one.begin, begin), max(one.end, end)
                return
        name = f"{BY}-{self._partition}-{begin}"
        if self.intervals.find(name) is not None:
            name += f"-{time}"
        self.intervals.add(Interval(name, begin, end, state, reason, time, BY))

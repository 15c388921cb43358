"""The book of all that came out of the worker and the trainer, for the views and the claims.

Filled by one thread and read by others, under one lock.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass

from schemas.deadletters import DeadLetter
from schemas.drift import Prequential
from schemas.scores import Score
from schemas.sources import SourceStatus
from schemas.times import parse_time
from streams.demo.course import CoursePoint, CutCourse, point
from streams.demo.evidence import SeenScore, judge_scores, see
from streams.demo.metrics import Quality
from streams.demo.truth import Truth
from streams.watch import WatchState
from streams.watch.view import WatchView

KEEP_CUTS = 150
ROLLING_CUTS = 7
BINS = 20
HIGHEST = 0.5  # where the histogram ends; what is above is in its last bin
KEEP_MESSAGES = 20

Output = Score | SourceStatus | Prequential | DeadLetter


@dataclass(frozen=True, slots=True)
class Judged:
    """How good the scores of a week of cuts were, the last of them at ``cut``."""

    cut: int
    quality: Quality


@dataclass(frozen=True, slots=True)
class Health:
    """A source's health from simulated time ``since`` on."""

    since: int
    health: str


class Ledger:
    """What was seen. Bounded: scores of the newest ``KEEP_CUTS`` cuts are kept.

    Parameters
    ----------
    watch
        State of the terminal's view; it gets every record, too.
    partitions
        Of the score topic.
    truth, horizon
        What the scores are judged by.
    """

    def __init__(self, watch: WatchState, partitions: int, truth: Truth, horizon: int) -> None:
        self.lock = threading.RLock()
        self.first_score: float | None = None
        self.first_learned: float | None = None
        self.total = 0
        self.lost = 0
        self.labels = 0
        self.invalid: list[str] = []
        self.dead: Counter[str] = Counter()
        self.judged: deque[Judged] = deque(maxlen=400)
        self.drift: deque[Prequential] = deque(maxlen=400)
        self._health: dict[str, deque[Health]] = {}
        self._letters: set[str] = set()
        self._watch = watch
        self._partitions = partitions
        self._truth = truth
        self._horizon = horizon
        self._cuts: dict[int, list[SeenScore]] = {}
        self._course: dict[int, CutCourse] = {}
        self._newest: dict[int, int] = {}

    def take(self, record: Output, partition: int, now: float) -> None:
        """Enter a record read from ``partition`` at ``now`` (wall seconds since the start)."""
        with self.lock:
            if isinstance(record, DeadLetter):
                self._take_letter(record)
                return
            self._watch.update(record, now)
            if isinstance(record, Score):
                self._take_score(record, partition, now)
            elif isinstance(record, SourceStatus):
                self._take_status(record, now)
            else:
                self.labels = max(self.labels, record.learned)
                self.drift.append(record)

    def reject(self, what: str) -> None:
        """Enter a record that does not fit its schema."""
        with self.lock:
            if len(self.invalid) < KEEP_MESSAGES:
                self.invalid.append(what)

    def miss(self, records: int) -> None:
        """Enter that the broker dropped scores before they were read."""
        with self.lock:
            self.lost += records

    @property
    def scored_until(self) -> int | None:
        """The cut that every partition has reached; None before each has given a score."""
        with self.lock:
            if len(self._newest) < self._partitions:
                return None
            return min(self._newest.values())

    def scores(self) -> list[SeenScore]:
        """All scores that are kept."""
        with self.lock:
            return [score for cut in self._cuts.values() for score in cut]

    def cuts_with(self, source: str, health: str, after: int) -> int:
        """How many cuts later than ``after`` have a score that says so of the source."""
        with self.lock:
            later = (scores for cut, scores in self._cuts.items() if cut > after)
            return sum(any(s.states[source][0] == health for s in scores) for scores in later)

    def histogram(self) -> list[int]:
        """Users by probability, in equal bins, at the newest cut but one: that is complete."""
        with self.lock:
            cut = sorted(self._cuts)[-2:]
            bins = [0] * BINS
            for score in self._cuts[cut[0]] if cut else ():
                bins[min(int(score.probability / HIGHEST * BINS), BINS - 1)] += 1
            return bins

    def course(self) -> tuple[CoursePoint, ...]:
        """How the scores went, cut by cut; without the newest cut, which may be incomplete."""
        with self.lock:
            return tuple(point(cut, self._course[cut]) for cut in sorted(self._course)[:-1])

    def view(self, now: float) -> WatchView:
        """What the terminal shows."""
        with self.lock:
            return self._watch.view(now)

    def health(self) -> dict[str, tuple[Health, ...]]:
        """Each source's changes of health, oldest first."""
        with self.lock:
            return {source: tuple(changes) for source, changes in self._health.items()}

    def judge_matured(self, now: int) -> None:
        """Judge each cut whose horizon is over by simulated time ``now``, once."""
        with self.lock:
            last = self.judged[-1].cut if self.judged else 0
            due = [c for c in sorted(self._cuts) if last < c <= now - self._horizon]
            for cut in due:
                weeks = sorted(c for c in self._cuts if c <= cut)[-ROLLING_CUTS:]
                rows = [s for c in weeks for s in self._cuts[c]]
                quality = judge_scores(rows, self._truth, self._horizon, now, prior=True)
                self.judged.append(Judged(cut, quality))

    def _take_status(self, status: SourceStatus, now: float) -> None:
        """Note the source's health, that of its worst partition, if it has changed."""
        worst = {line.name: line.health for line in self._watch.view(now).sources}
        changes = self._health.setdefault(status.source, deque(maxlen=400))
        if status.clock and (not changes or changes[-1].health != worst[status.source]):
            changes.append(Health(parse_time(status.clock), worst[status.source]))

    def _take_letter(self, letter: DeadLetter) -> None:
        if letter.id not in self._letters:
            self._letters.add(letter.id)
            self.dead[letter.reason] += 1

    def _take_score(self, score: Score, partition: int, now: float) -> None:
        seen = see(score)
        self.total += 1
        self._cuts.setdefault(seen.time, []).append(seen)
        self._course.setdefault(seen.time, CutCourse()).take(seen)
        self._newest[partition] = max(seen.time, self._newest.get(partition, 0))
        if self.first_score is None:
            self.first_score = now
        if self.first_learned is None and seen.version >= 1:
            self.first_learned = now
        while len(self._cuts) > KEEP_CUTS:
            del self._course[min(self._cuts)]
            del self._cuts[min(self._cuts)]

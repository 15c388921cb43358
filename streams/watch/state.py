"""The state behind the live view: small, bounded, and free of I/O and clocks.

Feed it records as they come (`update`), ask for a picture (`render`) or plain lines
(`snapshot`). ``now`` is any clock in seconds that never runs backwards.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import TypeAlias

from rich.console import RenderableType

from schemas.drift import Prequential
from schemas.scores import ModelRef, Score
from schemas.sources import SourceStatus
from streams.watch.render import picture, plain_lines
from streams.watch.sources import SourceLine, source_line
from streams.watch.view import WatchView

Record: TypeAlias = Score | SourceStatus | Prequential

RATE_SECONDS = 10.0
REMEMBERED_IDS = 50_000


class WatchState:
    """What is known of one app. Memory is bounded, however long it runs.

    Parameters
    ----------
    app
        Records of other apps are ignored.
    sources
        Order of the lines; sources not named come behind, as they appear.
    high
        The band whose scores are listed.
    keep
        How many of them.
    """

    def __init__(
        self, app: str, *, sources: Sequence[str] = (), high: str = "high", keep: int = 8
    ) -> None:
        self.app = app
        self._order = {name: i for i, name in enumerate(sources)}
        self._high = high
        self._statuses: dict[tuple[str, int], SourceStatus] = {}
        self._scores = 0
        self._repeated = 0
        self._bands: dict[str, int] = {}
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._ticks: deque[tuple[float, int]] = deque()
        self._live_since: float | None = None
        self._risks: deque[Score] = deque(maxlen=keep)
        self._model: ModelRef | None = None
        self._drift: Prequential | None = None
        self._lags: dict[tuple[str, int], int] = {}
        self._notes: list[str] = []

    def update(self, record: Record, now: float, *, live: bool = True) -> None:
        """Take a record. ``live`` False: it lay in the topic already, and counts in no rate."""
        if record.app != self.app:
            return
        if isinstance(record, Score):
            self._take_score(record, now, live=live)
        elif isinstance(record, SourceStatus):
            self._order.setdefault(record.source, len(self._order))
            self._statuses[record.source, record.partition] = record
        else:
            self._drift = record

    def skipped(self, scores: int, now: float) -> None:
        """Count scores that the reader jumped over because it could not keep up."""
        self._count(scores, now)

    def lags(self, lags: dict[tuple[str, int], int]) -> None:
        """Replace the consumer group's lag, by (topic, partition)."""
        self._lags = dict(lags)

    def note(self, *lines: str) -> None:
        """Replace the lines shown below the tables."""
        self._notes = list(lines)

    def view(self, now: float) -> WatchView:
        """What is to be shown, as a value."""
        return WatchView(
            app=self.app,
            sources=self._source_lines(),
            scores=self._scores,
            repeated=self._repeated,
            rate=self._rate(now),
            bands=dict(self._bands),
            risks=tuple(reversed(self._risks)),
            model=self._model,
            drift=self._drift,
            lags=dict(sorted(self._lags.items())),
            notes=tuple(self._notes),
        )

    def render(self, now: float) -> RenderableType:
        """Draw the tables for a terminal."""
        return picture(self.view(now))

    def snapshot(self, now: float) -> list[str]:
        """Say the same in plain lines, for a pipe or a log."""
        return plain_lines(self.view(now))

    def _take_score(self, score: Score, now: float, *, live: bool) -> None:
        if score.id in self._ids:
            self._repeated += 1
            return
        self._remember(score.id)
        self._count(1, now if live else None)
        self._bands[score.band] = self._bands.get(score.band, 0) + 1
        if self._model is None or score.model.version >= self._model.version:
            self._model = score.model
        if score.band == self._high:
            self._risks.append(score)

    def _remember(self, score_id: str) -> None:
        self._ids[score_id] = None
        if len(self._ids) > REMEMBERED_IDS:
            self._ids.popitem(last=False)

    def _count(self, scores: int, now: float | None) -> None:
        self._scores += scores
        if now is None:
            return
        if self._live_since is None:
            self._live_since = now
        self._ticks.append((now, scores))
        while self._ticks[0][0] < now - RATE_SECONDS:
            self._ticks.popleft()

    def _rate(self, now: float) -> float:
        if self._live_since is None:
            return 0.0
        recent = sum(n for at, n in self._ticks if at >= now - RATE_SECONDS)
        return recent / min(RATE_SECONDS, max(1.0, now - self._live_since))

    def _source_lines(self) -> tuple[SourceLine, ...]:
        by_source: dict[str, list[SourceStatus]] = {}
        for (name, _), status in sorted(self._statuses.items()):
            by_source.setdefault(name, []).append(status)
        names = sorted(by_source, key=self._order.__getitem__)
        return tuple(source_line(by_source[name]) for name in names)

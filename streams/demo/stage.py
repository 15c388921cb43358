"""The running parts of this process: simulated time and the reader, one thread each."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from schemas.times import DAY
from streams.config import Config
from streams.demo.claims import Claim
from streams.demo.collector import Collector
from streams.demo.director import Act, Progress
from streams.demo.evidence import Evidence, judge_scores
from streams.demo.feed import Feed, Pace
from streams.demo.ledger import Ledger
from streams.demo.moment import Moment
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.workspace import PARTITIONS
from streams.topics.clients import KafkaClients
from streams.watch import WatchState

HISTORY = 14 * DAY
LEAD = 2 * DAY
TICK_S = 0.05
BETTER_AUC = 0.55
AGES = ("first_seen_age", "last_seen_age", "user_age")
STORY_SOURCE = "usage"  # the one that the story cuts


class StageFailed(RuntimeError):
    """A thread of the demo has ended with an error."""


class Stage:
    """The simulator producing, the collector reading, and what is known of both.

    Parameters
    ----------
    clients
        Of the cluster.
    config
        The demo's configuration.
    seed, speed
        Of the simulator; simulated days for each second.
    began
        `time.monotonic` when the demo was called.
    """

    def __init__(
        self, clients: KafkaClients, config: Config, seed: int, speed: float, began: float
    ) -> None:
        spec = config.spec
        self._spec = spec
        self._ages = frozenset(f.name for f in spec.features if f.agg in AGES)
        self.simulator = Simulator(seed, horizon=spec.labels.horizon)
        topics = {source.name: source.topic for source in spec.sources}
        watch = WatchState(spec.app, sources=list(topics), high=spec.scoring.bands[-1][0])
        self.ledger = Ledger(watch, PARTITIONS, self.simulator.truth, spec.labels.horizon)
        self.pace = Pace(START, HISTORY, speed, LEAD, time.time_ns() // 1000)
        self._feed = Feed(clients.producer(linger_ms=20), topics, PARTITIONS)
        self._consumer = clients.consumer(auto_offset_reset="earliest")
        self._collector = Collector(self._consumer, config.topics, self.ledger)
        self._began = began
        self._ending = threading.Event()
        self._failure: Exception | None = None
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("simulator", self._produce), ("collector", self._collect))
        ]

    @property
    def elapsed(self) -> float:
        """Wall seconds since the demo was called."""
        return time.monotonic() - self._began

    def start(self) -> None:
        """Let simulated time run."""
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raise StageFailed if a thread has ended with an error."""
        if self._failure is not None:
            error = self._failure
            raise StageFailed(f"the demo itself failed: {type(error).__name__}: {error}") from error

    def stop(self) -> None:
        """Stop both threads and close their clients."""
        self._ending.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=5)
        self._feed.close()
        self._consumer.close()

    def progress(self) -> Progress:
        """What the story's director wants to know."""
        spans = [s for s in self.simulator.spans if s.source == STORY_SOURCE]
        span = spans[0] if spans else None
        seen = self.ledger.cuts_with
        return Progress(
            learned=self._learned() and self._caught_up(),
            stalled=seen(STORY_SOURCE, "stalled", span.start) if span else 0,
            fresh=seen(STORY_SOURCE, "fresh", span.end) if span and span.end else 0,
        )

    def moment(self, act: Act, messages: list[str], verdict: tuple[Claim, ...]) -> Moment:
        """What there is to show now."""
        simulator, ledger = self.simulator, self.ledger
        ledger.judge_matured(simulator.now)
        with ledger.lock:
            return Moment(
                elapsed=self.elapsed,
                act=act,
                now=simulator.now,
                waiting=self.pace.waiting,
                scored_until=ledger.scored_until,
                events=dict(simulator.events),
                cut=simulator.cut,
                spans=tuple(simulator.spans),
                health=ledger.health(),
                cancellations=simulator.truth.cancellations,
                view=ledger.view(self.elapsed),
                histogram=tuple(ledger.histogram()),
                judged=tuple(ledger.judged),
                course=ledger.course(),
                drift=tuple(ledger.drift),
                dead=dict(ledger.dead),
                labels=ledger.labels,
                messages=tuple(messages),
                ages=self._ages,
                verdict=verdict,
            )

    def evidence(self) -> Evidence:
        """Everything that the claims are judged by, as it is now."""
        simulator, ledger, horizon = self.simulator, self.ledger, self._spec.labels.horizon
        usage = self._spec.sources[self._spec.source_index(STORY_SOURCE)]
        with ledger.lock:
            done, scores = ledger.scored_until or 0, ledger.scores()
            cuts = {s.time for s in scores if s.time < done}
            damaged = list(simulator.damaged)
            return Evidence(
                scores=tuple(scores),
                invalid=tuple(ledger.invalid),
                lost=ledger.lost,
                dead=dict(ledger.dead),
                damaged=Counter(reason.value for _, reason in damaged),
                due=Counter(reason.value for arrival, reason in damaged if arrival < done - DAY),
                spans=tuple(simulator.spans),
                at_risk={cut: simulator.truth.at_risk(cut) for cut in sorted(cuts)},
                quality=judge_scores(scores, simulator.truth, horizon, simulator.now),
                stale_after=usage.stale_after,
                labels=ledger.labels,
            )

    def _learned(self) -> bool:
        """Whether a learned model scores, and the trainer finds it better than chance."""
        drift = self.ledger.drift
        better = bool(drift) and (drift[-1].auc or 0.0) > BETTER_AUC
        return better and self.ledger.first_learned is not None

    def _caught_up(self) -> bool:
        """Whether the scores have worked off the history, and are not far behind."""
        scored = self.ledger.scored_until or 0
        return scored > START + HISTORY and scored >= self.simulator.now - LEAD - DAY

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - handed to the main thread, which raises it
            self._failure = error

    def _produce(self) -> None:
        while not self._ending.is_set():
            until = self.pace.next(self.elapsed, self.ledger.scored_until)
            self._feed.send(self.simulator.advance(until))
            self._ending.wait(TICK_S)

    def _collect(self) -> None:
        while not self._ending.is_set():
            self._collector.poll(self.elapsed, TICK_S)

"""The oracle of renewed scores: who is scored again at which check, from plain lists.

It goes through everyone at once: how a round is divided has tests of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.ids import stable_id
from tests.models.engine.oracle import Cut, Oracle, User, ceiling, ordered
from tests.models.engine.story import Item


class Told(NamedTuple):
    """A user's newest score, and the sources that it was told without."""

    time: int
    id: str
    without: frozenset[str]


@dataclass
class RenewingOracle(Oracle):
    """Lives through a history, and renews scores."""

    newest: dict[str, Told] = field(default_factory=dict)
    missed: set[str] = field(default_factory=set)
    back: set[str] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)
    supersedes: str | None = None

    def run(self, items: Sequence[Item]) -> RenewingOracle:
        for arrival, s, offset, item in ordered(self.spec, items):
            if self.clock is None:
                self.clock = arrival
                self.next_cut = ceiling(arrival, self.every, self.anchor)
                self.next_epoch = ceiling(arrival, self.spec.learning.every, 0)
                self.next_check = ceiling(arrival, self.spec.health.every, 0)
            while min(self.next_check, self.next_cut, self.next_epoch) < arrival:
                self.cross()
            self.renew_if_due(arrival)
            self.clock = max(self.clock, arrival)
            self.record(s, offset, arrival, item)
        return self

    def cross(self) -> None:
        following = min(self.next_check, self.next_cut, self.next_epoch)
        self.renew_if_due(following)
        is_check, is_cut = self.next_check == following, self.next_cut < self.next_epoch
        super().cross()
        if not is_check:
            self.look_round(is_cut)

    def look_round(self, is_cut: bool) -> None:
        """At cuts, and where events are scored at the ends of epochs: is a source missed?"""
        scoring = self.spec.scoring
        if is_cut and scoring.schedule is not None:
            self.missed, self.back = set(), set()  # everyone has been scored
        if is_cut or scoring.on_event is not None:
            if not self.missed:
                self.fresh = set()
            self.missed |= self.behind()

    def check(self, time: int) -> None:
        """Who is back, of the sources that were missed? Nothing is renewed at a cut."""
        super().check(time)
        if not self.missed:
            return
        before, self.fresh = self.fresh, self.that_are("fresh")
        if time != self.next_cut:
            self.back = self.missed & self.fresh & before

    def behind(self) -> set[str]:
        """Sources that features are read from and that are late; of one never seen nothing is."""
        read = {feature.source for feature in self.spec.features if feature.source}
        return self.that_are("lagging", "stalled") & read

    def that_are(self, *health: str) -> set[str]:
        """Sources of which this is the health now."""
        assert self.clock is not None
        return {
            source.name
            for s, source in enumerate(self.spec.sources)
            if self.health(s, self.clock) in health
        }

    def renew_if_due(self, before: int) -> None:
        """Everything else at the check's own time comes first."""
        if not self.back or self.clock is None or self.clock >= before:
            return
        now, back = self.clock, self.back
        self.missed, self.back = self.missed - back, set()
        for name, user in sorted(self.users.items()):
            told = self.newest.get(name)
            if told is None or not told.without & back or not self.at_risk(user, now):
                continue
            if now - self.spec.labels.horizon < told.time < now:
                said = [s.name for s in self.spec.sources if s.name in told.without & back]
                last, self.supersedes = user.last_score, told.id
                self.score(name, user, now, f"renewal:{'+'.join(said)}")
                user.last_score, self.supersedes = last, None

    def score(self, name: str, user: User, at: int, cause: str, *, silent: bool = False) -> Cut:
        cut = super().score(name, user, at, cause, silent=silent)
        if not silent:
            identity = stable_id(self.spec.app, name, at, self.spec.labels.horizon, cause)
            self.scores[identity]["supersedes"] = self.supersedes
            self.newest[name] = Told(at, identity, frozenset(self.behind()))
        return cut

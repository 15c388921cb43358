"""What really came of each cut, from the log itself: no fault, no engine in between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from models.grid import Int
from models.learning.labels import outcome_label
from models.learning.numerics import Floats
from models.spec import Spec
from models.state.slab import Outcome
from schemas.events import EventBatch, decode_batch
from streams.study.logs import Log

NAN = float("nan")


class Truth:
    """Labels of any user at any time, by the deployment's own rule.

    Parameters
    ----------
    spec
        The deployment.
    log
        Without faults.

    """

    def __init__(self, spec: Spec, log: Log) -> None:
        self._rule = spec.labels
        self._outcomes: dict[str, list[Outcome]] = defaultdict(list)
        times: dict[str, list[int]] = defaultdict(list)
        counted = spec.labels.sources if spec.labels.rule == "inactivity" else ()
        for source, events in zip(log.sources, log.events, strict=True):
            if source.is_outcome and spec.labels.rule == "outcome":
                self._note(decode_batch(source.mapping, events.values, [()] * len(events)))
            if source.name in counted:
                for key, time in zip(events.keys, events.times.tolist(), strict=True):
                    times[(key or b"").decode()].append(time)
        self._times = {user: np.sort(np.array(found)) for user, found in times.items()}

    def labels(self, users: Sequence[str], times: Int) -> Floats:
        """1 churned, 0 did not, NaN: no cut that counts; float64[n]."""
        one = self._by_outcome if self._rule.rule == "outcome" else self._by_silence
        found = [one(user, time) for user, time in zip(users, times.tolist(), strict=True)]
        return np.array([NAN if label is None else float(label) for label in found])

    def _note(self, batch: EventBatch) -> None:
        for user, time, kind in zip(
            batch.users, batch.times.tolist(), batch.kinds.tolist(), strict=True
        ):
            if user is not None and kind >= 0:
                self._outcomes[user].append(Outcome(time, kind))

    def _by_outcome(self, user: str, time: int) -> int | None:
        return outcome_label(self._rule, time, self._outcomes.get(user, ()))

    def _by_silence(self, user: str, time: int) -> int | None:
        rule, known = self._rule, self._times.get(user, np.empty(0, dtype=np.int64))

        def within(after: int, until: int) -> int:
            first, last = np.searchsorted(known, [after, until], side="right").tolist()
            return int(last - first)

        if rule.within is not None and within(time - rule.within, time) < rule.min_events:
            return None
        return int(within(time, time + rule.horizon) == 0)

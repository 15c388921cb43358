"""What Redis holds of a user, and whether a request has been carried out."""

from __future__ import annotations

from typing import Any

from models.engine.state import PartitionState
from streams.config import Config
from streams.forget.asking import Request
from streams.state.answers import raw, text
from streams.state.keys import Keys


class UserState:
    """One user's traces in Redis. client: synchronous."""

    def __init__(self, client: Any, config: Config, user: str, partition: int) -> None:
        self._client = client
        self._config = config
        self._user = user
        self.keys = Keys(config.spec.app, partition, config.spec.feature_set)

    def traces(self) -> list[str]:
        """Keys of the present feature set in which the user stands."""
        return self._traces(self.keys)

    def clock_ms(self) -> int:
        """Clock of the user's partition, 0 before its first record."""
        record = self._record()
        return 0 if record is None else max(0, record.clock // 1000)

    def carried_out(self, request: Request) -> bool:
        """Whether the partition's state is past the request in every topic."""
        record = self._record()
        if record is None:
            return not request.places
        applied = dict(zip(self._config.input_topics, record.sources, strict=True))
        return all(applied[topic].applied >= offset for topic, offset in request.places.items())

    def erase_other_feature_sets(self) -> list[str]:
        """Erase what earlier configurations have left of the user; the feature sets.

        They have no writer any more: the claim of a partition covers all of them.
        """
        base = f"ebb:{{{self.keys.app}.p{self.keys.partition}}}:"
        erased = []
        for found in self._client.scan_iter(f"{_literal(base)}*:part", count=10_000):
            feature_set = text(found).removeprefix(base).removesuffix(":part")
            keys = Keys(self.keys.app, self.keys.partition, feature_set)
            if feature_set != self.keys.feature_set and self._traces(keys):
                self._client.delete(keys.users + self._user)
                for index in (keys.at_risk, keys.pending, keys.expiry):
                    self._client.zrem(index, self._user)
                erased.append(feature_set)
        return erased

    def _traces(self, keys: Keys) -> list[str]:
        value = keys.users + self._user
        indexes = (keys.at_risk, keys.pending, keys.expiry)
        found = [key for key in indexes if self._client.zscore(key, self._user) is not None]
        return [value, *found] if self._client.exists(value) else found

    def _record(self) -> PartitionState | None:
        value = raw(self._client.get(self.keys.partition_record))
        return None if value is None else PartitionState.decode(value)


def _literal(pattern: str) -> str:
    """A text as a pattern of Redis that matches it alone."""
    return "".join(f"\\{c}" if c in "*?[]^\\" else c for c in pattern)

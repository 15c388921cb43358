"""What Redis keeps, in dicts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import TypeVar

from models.engine.requests import Effects

T = TypeVar("T")


class Memory:
    """Users' values and the three indexes of one partition."""

    def __init__(self) -> None:
        self.users: dict[str, bytes] = {}
        self.partition = b""
        self._at_risk: set[str] = set()
        self._sorted: list[bytes] | None = None
        self._pending: dict[str, int] = {}
        self._expiry: dict[str, int] = {}

    def load(self, users: list[str]) -> list[bytes | None]:
        """Values of users."""
        return [self.users.get(user) for user in users]

    def at_risk(self, after: str, limit: int) -> list[str]:
        """Users at risk behind ``after``, by the bytes of their names."""
        if self._sorted is None:
            self._sorted = sorted(user.encode() for user in self._at_risk)
        start = bisect_right(self._sorted, after.encode())
        return [name.decode() for name in self._sorted[start : start + limit]]

    def pending(self, until: int, limit: int) -> list[str]:
        """Users whose oldest waiting cut is at or before ``until``."""
        return _due(self._pending, until, limit)

    def expired(self, until: int, limit: int) -> list[str]:
        """Users whose timer is at or before ``until``."""
        return _due(self._expiry, until, limit)

    def write(self, effects: Effects) -> None:
        """Apply what a commit changes."""
        _update(self.users, effects.users)
        _update(self._pending, effects.pending)
        _update(self._expiry, effects.expiry)
        for user, wanted in effects.at_risk.items():
            (self._at_risk.add if wanted else self._at_risk.discard)(user)
            self._sorted = None
        self.partition = effects.partition


def _due(index: Mapping[str, int], until: int, limit: int) -> list[str]:
    found = sorted((time, user.encode()) for user, time in index.items() if time <= until)
    return [user.decode() for _, user in found[:limit]]


def _update(index: dict[str, T], changes: Mapping[str, T | None]) -> None:
    for user, value in changes.items():
        if value is None:
            index.pop(user, None)
        else:
            index[user] = value

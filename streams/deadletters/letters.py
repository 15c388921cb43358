"""A run through the dead-letter topic: what is selected, counted and kept. Pure and bounded."""

from __future__ import annotations

import base64
from collections import Counter
from dataclasses import dataclass
from heapq import heappush, heappushpop

from schemas.deadletters import DeadLetter
from schemas.times import TimeError, parse_time

SHORT = 80


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant; None: any. ``since``: rejected at or after, µs."""

    app: str
    reason: str | None = None
    source: str | None = None
    since: int | None = None

    def takes(self, letter: DeadLetter) -> bool:
        """Whether the letter is meant."""
        return (
            letter.app == self.app
            and self.reason in (None, letter.reason)
            and self.source in (None, letter.source)
            and (self.since is None or _time(letter.rejected_at) >= self.since)
        )


class Letters:
    """Counts and the newest letters of a selection; a letter repeated counts once.

    limit: how many letters are kept, by time of rejection.
    """

    def __init__(self, selection: Selection, limit: int) -> None:
        self._selection = selection
        self._limit = limit
        self._ids: set[str] = set()
        self._origins: set[str] = set()
        self._newest: list[tuple[int, str, DeadLetter]] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.repeated = 0
        self.unreadable = 0

    def add(self, letter: DeadLetter | None) -> None:
        """Take a letter if it is selected and new. None: a record that is no letter."""
        if letter is None:
            self.unreadable += 1
            return
        if not self._selection.takes(letter):
            return
        if letter.id in self._ids:
            self.repeated += 1
            return
        self._ids.add(letter.id)
        self._origins.add(origin(letter))
        self.counts[letter.reason, letter.source] += 1
        entry = (_time(letter.rejected_at), letter.id, letter)
        if len(self._newest) < self._limit:
            heappush(self._newest, entry)
        elif self._limit:
            heappushpop(self._newest, entry)

    @property
    def total(self) -> int:
        """Distinct letters."""
        return len(self._ids)

    @property
    def origins(self) -> int:
        """Distinct records, a record and its rejected retries being one."""
        return len(self._origins)

    def newest(self) -> list[DeadLetter]:
        """The kept letters, newest first."""
        return [letter for _, _, letter in sorted(self._newest, reverse=True)]


def origin(letter: DeadLetter) -> str:
    """Position of the record as it first came: the same through any number of retries."""
    return letter.retried_from or letter.id


def raw(content: str | None) -> bytes | None:
    """Give back the bytes of a key or value as they were."""
    return None if content is None else base64.b64decode(content)


def shortened(content: str | None, length: int = SHORT) -> str:
    r"""Show raw bytes in one line: text where it is text, ``\x..`` where it is not.

    >>> shortened("eyJ1IjoxfQ=="), shortened("/w=="), shortened(None)
    ('{"u":1}', '\\xff', '(none)')
    """
    if content is None:
        return "(none)"
    # 4 characters of base64 give 3 bytes; more than could be shown is not decoded.
    text = base64.b64decode(content[: 4 * (length + 1)]).decode(errors="backslashreplace")
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _time(text: str) -> int:
    try:
        return parse_time(text)
    except TimeError:
        return 0

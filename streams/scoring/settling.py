"""How long buffered records have waited for those of sources that have nothing buffered."""

from __future__ import annotations

from collections import deque


class Settling:
    """Remembers when records came. A moment's ceiling: the newest arrival that had come by then.

    wait: seconds that a record waits. Times are those of one monotonic clock.

    >>> settling = Settling(0.25)
    >>> settling.note(5.00, newest=70)
    >>> settling.note(5.125, newest=80)
    >>> settling.due(5.25, oldest=60), settling.ceiling
    (5.25, 70)
    >>> settling.due(5.25, oldest=75), settling.ceiling
    (5.375, 80)
    """

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._came: deque[tuple[float, int]] = deque()

    def note(self, now: float, newest: int) -> None:
        """Records came. newest: the newest arrival of all that ever came."""
        self._came.append((now, newest))
        self._forget(now)

    def due(self, now: float, oldest: int) -> float:
        """When a buffered record has waited long enough; until then ``ceiling`` means nothing.

        oldest: the oldest arrival that is buffered.
        """
        self._forget(now)
        while len(self._came) > 1 and self.ceiling < oldest:
            self._came.popleft()
        return self._came[0][0] + self._wait

    @property
    def ceiling(self) -> int:
        """Newest arrival that has waited long enough."""
        return self._came[0][1]

    def _forget(self, now: float) -> None:
        """Of all that have waited long enough only the newest moment matters."""
        while len(self._came) > 1 and self._came[1][0] + self._wait <= now:
            self._came.popleft()

"""Redis' answers as what they are here: bytes, since no client decodes."""

from __future__ import annotations

from typing import Any


def raw(answer: Any) -> bytes | None:
    """A value, None when there is none."""
    assert answer is None or isinstance(answer, bytes)
    return answer


def text(answer: Any) -> str:
    """A member of a set."""
    assert isinstance(answer, bytes)
    return answer.decode()

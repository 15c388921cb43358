"""Records that are no events but requests: forget a user.

Such a record stands in a source's topic like any other, so it has a position: a replay repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.cells import MAX_USER_BYTES
from schemas.reasons import Reject

FORGET_HEADER = "ebbline-forget"
"""Header of a request; its value is the user's id. The record's own value is not looked at."""

Named = Mapping[int, Mapping[str, bytes | None]]
"""Headers by name, of the rows that have any."""


def read_forgets(named: Named, rejects: dict[int, tuple[Reject, str]]) -> dict[int, str]:
    """Row to the user to forget; a request without a usable id is rejected."""
    found: dict[int, str] = {}
    for i, pairs in named.items():
        if FORGET_HEADER in pairs:
            user = _user(pairs[FORGET_HEADER])
            if user is None:
                rejects[i] = (
                    Reject.BAD_USER,
                    f"header {FORGET_HEADER!r} holds no user id: UTF-8 text of 1 to "
                    f"{MAX_USER_BYTES} bytes without NUL",
                )
            else:
                found[i] = user
    return found


def _user(value: bytes | None) -> str | None:
    if not value or len(value) > MAX_USER_BYTES or b"\0" in value:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None

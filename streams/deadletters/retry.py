"""What is sent when a rejected record is tried again. Pure.

Timestamps. A retry keeps the record timestamp it had: arrival is the running maximum of a
partition's record timestamps, so an old one never sets it back, while the present time would push
the clock of replayed history to today. (A topic with LogAppendTime gets the broker's time anyway.)

Counting once. The header ``ebbline-retried-from`` names the position at which the record FIRST
came, and stays the same when a retry is rejected and retried again. A source with event ids
recognises the repeat by the id; one without takes the header's value for the id.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass

from schemas.deadletters import DeadLetter
from schemas.events import RETRIED_HEADER
from schemas.murmur2 import partition_of
from schemas.reasons import Reject
from schemas.times import TimeError, parse_time
from streams.deadletters.letters import origin, raw

AS_IT_WAS = "as it was"
LEFT_OUT = "left out: it has neither key nor value, so there is nothing to send"

OMITTED = "left out: too large for a letter; it stands at its place in the topic"

UserOf = Callable[[DeadLetter], str | None]


@dataclass(frozen=True, slots=True)
class Retry:
    """A record to be sent. ``done``: what was changed about it, for people."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp_ms: int
    origin: str
    done: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return self.key is None and self.value is None


def plan_retry(letter: DeadLetter, partitions: int, user_of: UserOf) -> Retry:
    """Say what to send. ``user_of`` reads the user out of the value, None where it cannot."""
    if letter.omitted:
        place = (letter.topic, letter.partition)
        return Retry(*place, None, None, [], 0, origin(letter), OMITTED)
    key, done = _key(letter, user_of)
    partition = letter.partition if key is None else partition_of(key, partitions)
    if partition != letter.partition:
        done += f", partition {letter.partition} → {partition}"
    return Retry(
        topic=letter.topic,
        partition=partition,
        key=key,
        value=raw(letter.value_base64),
        headers=_headers(letter),
        timestamp_ms=_timestamp(letter.record_time),
        origin=origin(letter),
        done=done,
    )


def _key(letter: DeadLetter, user_of: UserOf) -> tuple[bytes | None, str]:
    key = raw(letter.key_base64)
    if letter.reason != Reject.WRONG_PARTITION:
        return key, LEFT_OUT if key is None and letter.value_base64 is None else AS_IT_WAS
    user = user_of(letter)
    if user is None:
        return key, f"{AS_IT_WAS}: its user cannot be read with the present mapping"
    named = AS_IT_WAS if user.encode() == key else f"key set to the user's id {user}"
    return user.encode(), named


def header_bytes(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """Give back the record's headers as they were."""
    return [(name, base64.b64decode(value)) for name, value in letter.headers]


def _headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    kept = [header for header in header_bytes(letter) if header[0] != RETRIED_HEADER]
    return [*kept, (RETRIED_HEADER, origin(letter).encode())]


def _timestamp(record_time: str) -> int:
    """Milliseconds; a record without a timestamp gets the oldest there is: it moves nothing."""
    try:
        return max(0, parse_time(record_time) // 1_000)
    except TimeError:
        return 0

"""Records that are no events but verdicts: a source's data is wrong, right again, kept or not.

Such a record stands in a source's topic like any other, one in every partition, so it has a
position: a replay repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import orjson

from schemas.codec import encode
from schemas.controls import Named
from schemas.reasons import Reject
from schemas.times import MAX_TIME, MIN_TIME

VERDICT_HEADER: Final = "ebbline-verdict"
"""Header of a verdict; its value is not looked at. The record's own value is the verdict."""

VERDICT_SCHEMA_VERSION: Final = 1

Action = Literal["corrupt", "clear", "accept", "reject", "repaired"]
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)
_TEXT_CHARACTERS = 500


class VerdictError(ValueError):
    """A value that is no verdict, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody has decided about a source's data. Times in microseconds.

    id: of the verdict; the same one again changes nothing. action: ``corrupt`` marks the interval,
    ``clear`` ends it where it is still open, ``accept`` says that its data is right after all,
    ``reject`` that it stays out, ``repaired`` that the state has been computed again without it.
    begin, until: the events with begin < time <= until; None: not said. interval: id of the
    interval that is meant, instead. valid_from: clock from which on it holds; None: at once.
    by: who decided.
    """

    id: str
    source: str
    action: Action
    begin: int | None = None
    until: int | None = None
    valid_from: int | None = None
    interval: str | None = None
    reason: str = ""
    by: str = "operator"
    schema_version: int = VERDICT_SCHEMA_VERSION


def encode_verdict(verdict: Verdict) -> bytes:
    """Value of the record; send it with the header ``ebbline-verdict`` and no key."""
    return encode(verdict)


def read_verdicts(
    named: Named, values: Sequence[bytes | None], rejects: dict[int, tuple[Reject, str]]
) -> dict[int, Verdict]:
    """Row to its verdict; one that cannot be read is rejected."""
    found: dict[int, Verdict] = {}
    for i, pairs in named.items():
        if VERDICT_HEADER in pairs:
            try:
                found[i] = decode_verdict(values[i])
            except ValueError as error:
                message = f"header {VERDICT_HEADER!r}, but the value is no verdict: {error}"
                rejects[i] = (Reject.BAD_VERDICT, message)
    return found


def decode_verdict(value: bytes | None) -> Verdict:
    """Read a verdict. Raises ValueError (VerdictError where it is JSON)."""
    content = orjson.loads(value or b"null")
    if not isinstance(content, dict):
        raise VerdictError("not a JSON object")
    unknown = content.keys() - set(Verdict.__dataclass_fields__)
    if unknown:
        raise VerdictError(f"there is no key {min(unknown)!r} in a verdict")
    if content.get("action") not in ACTIONS:
        raise VerdictError(f"action is {content.get('action')!r}, not one of {', '.join(ACTIONS)}")
    for name in ("id", "source"):
        _check_text(name, content.get(name))
    for name in ("interval", "reason", "by"):
        if content.get(name):
            _check_text(name, content[name])
    for name in ("begin", "until", "valid_from"):
        _check_time(name, content.get(name))
    return _checked(Verdict(**content))


def _checked(verdict: Verdict) -> Verdict:
    begin, until = verdict.begin, verdict.until
    if begin is not None and until is not None and until <= begin:
        raise VerdictError("until is not after begin")
    if verdict.action == "corrupt" and begin is None:
        raise VerdictError("begin is missing: the event time from which on the data is wrong")
    return verdict


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_CHARACTERS:
        raise VerdictError(f"{name} is no text of 1 to {_TEXT_CHARACTERS} characters")


def _check_time(name: str, value: Any) -> None:
    if value is not None and (type(value) is not int or not MIN_TIME <= value < MAX_TIME):
        raise VerdictError(f"{name} is not microseconds in the years 1980 to 2199")

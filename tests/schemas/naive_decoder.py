"""One record at a time, as plainly as can be: what `decode_batch` must be equal to.

Shares no code with it but the parser of JSON and the hash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from schemas.hashing import hash_text
from schemas.mapping import FieldMapping, FieldRule, SourceMapping
from schemas.reasons import Reject

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
KINDS = {"churn": 0, "leave": 1, "return": 2}
ABSENT = object()


class Rejected(Exception):
    def __init__(self, reason: Reject) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Decoded:
    user: str | None = None
    time: int = 0
    heartbeat: bool = False
    id: int = 0
    kind: int = -1
    fields: dict[str, float | int] = field(default_factory=dict)


def decode_one(
    mapping: SourceMapping, value: bytes | None, headers: dict[str, bytes]
) -> Decoded | Reject:
    try:
        return decode_good(mapping, value, headers)
    except Rejected as error:
        return error.reason


def decode_good(mapping: SourceMapping, value: bytes | None, headers: dict[str, bytes]) -> Decoded:
    doc = parse(mapping, value)
    if is_heartbeat(mapping, doc, headers):
        return Decoded(time=event_time(mapping, doc), heartbeat=True, fields=unknown(mapping))
    user = text_of(doc, mapping.user, Reject.MISSING_USER, Reject.NULL_USER, Reject.BAD_USER)
    time = event_time(mapping, doc)
    number = 0
    if mapping.event_id is not None:
        number = hash_text(
            text_of(doc, mapping.event_id, Reject.MISSING_ID, Reject.NULL_ID, Reject.BAD_ID)
        )
    elif "ebbline-retried-from" in headers:
        number = hash_text(headers["ebbline-retried-from"].decode())
    fields = {f.name: field_of(doc, f) for f in mapping.fields}
    outcome = outcome_of(mapping, doc)
    paths = {f.name: f.path for f in mapping.fields}
    for rule in mapping.rules:
        keep(rule, find(doc, paths[rule.field], None))
    return Decoded(user, time, False, number, outcome, fields)


def keep(rule: FieldRule, value: Any) -> None:
    if value is None or value is ABSENT:
        if rule.required:
            raise Rejected(Reject.QUALITY_RULE)
        return
    low, high = rule.minimum, rule.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise Rejected(Reject.QUALITY_RULE)
    if rule.allowed and value not in rule.allowed:
        raise Rejected(Reject.QUALITY_RULE)


def parse(mapping: SourceMapping, value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise Rejected(Reject.TOMBSTONE)
    if len(value) > mapping.max_bytes:
        raise Rejected(Reject.TOO_LARGE)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Rejected(Reject.UNDECODABLE) from None
    try:
        doc = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Rejected(Reject.NOT_JSON) from None
    if not isinstance(doc, dict):
        raise Rejected(Reject.NOT_AN_OBJECT)
    return doc


def find(doc: Any, path: tuple[str, ...], bad: Reject | None) -> Any:
    for name in path:
        if doc is None or doc is ABSENT:
            return ABSENT
        if not isinstance(doc, dict):
            if bad is None:
                return ABSENT
            raise Rejected(bad)
        doc = doc.get(name, ABSENT)
    return doc


def must(doc: Any, path: tuple[str, ...], missing: Reject, null: Reject, bad: Reject) -> Any:
    value = find(doc, path, bad)
    if value is ABSENT:
        raise Rejected(missing)
    if value is None:
        raise Rejected(null)
    return value


def is_heartbeat(mapping: SourceMapping, doc: Any, headers: dict[str, bytes]) -> bool:
    beat = mapping.heartbeat
    if beat.header is not None and beat.header in headers:
        return True
    return beat.path is not None and find(doc, beat.path, None) is True


def text_of(doc: Any, path: Any, missing: Reject, null: Reject, bad: Reject) -> str:
    value = must(doc, path, missing, null, bad)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Rejected(bad)
    if isinstance(value, float):
        if value != int(value) or abs(value) >= 2**53:
            raise Rejected(bad)
        value = int(value)
    text = str(value)
    if text == "" or "\0" in text or len(text.encode()) > 512:
        raise Rejected(bad)
    return text


def event_time(mapping: SourceMapping, doc: Any) -> int:
    value = must(doc, mapping.time.path, Reject.MISSING_TIME, Reject.NULL_TIME, Reject.BAD_TIME)
    if mapping.time.unit == "rfc3339":
        moment = moment_of(value, mapping.time.zone)
    else:
        moment = moment_of_number(value, {"s": 10**6, "ms": 1000, "us": 1}[mapping.time.unit])
    if not FIRST <= moment < LAST:
        raise Rejected(Reject.ABSURD_TIME)
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_of_number(value: Any, scale: int) -> datetime:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Rejected(Reject.BAD_TIME)
    try:
        return EPOCH + timedelta(microseconds=round(value * scale))
    except OverflowError:
        raise Rejected(Reject.ABSURD_TIME) from None


def moment_of(value: Any, zone: str | None) -> datetime:
    form = FORM.fullmatch(value) if isinstance(value, str) else None
    if form is None:
        raise Rejected(Reject.BAD_TIME)
    numbers = [int(form[i]) for i in range(1, 7)]
    leap = numbers[5] == 60
    if leap:
        numbers[5] = 59
    ancient = numbers[0] == 0
    if ancient:
        numbers[0] = 2000
    micro = int((form[7] or ".0")[1:7].ljust(6, "0"))
    try:
        moment = datetime(*numbers, micro, tzinfo=zone_of(form[8], zone))  # type: ignore[misc,arg-type]
    except ValueError:
        raise Rejected(Reject.BAD_TIME) from None
    if leap and (moment.astimezone(UTC).hour, moment.astimezone(UTC).minute) != (23, 59):
        raise Rejected(Reject.BAD_TIME)
    if ancient:
        raise Rejected(Reject.ABSURD_TIME)
    return moment.astimezone(UTC) + timedelta(seconds=int(leap))


def zone_of(end: str | None, zone: str | None) -> timezone | ZoneInfo:
    if end is None:
        if zone is None:
            raise Rejected(Reject.BAD_TIME)
        return ZoneInfo(zone)
    if end in "Zz":
        return UTC
    hours, minutes = int(end[1:3]), int(end[4:6])
    if hours > 23 or minutes > 59:
        raise Rejected(Reject.BAD_TIME)
    return timezone((-1 if end[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def field_of(doc: Any, mapping: FieldMapping) -> float | int:
    if mapping.required:
        value = must(doc, mapping.path, Reject.MISSING_FIELD, Reject.NULL_FIELD, Reject.WRONG_TYPE)
    else:
        value = find(doc, mapping.path, Reject.WRONG_TYPE)
        if value is None or value is ABSENT:
            return blank(mapping)
    wanted = {"number": (int, float), "string": (str,), "bool": (bool,)}[mapping.type]
    if not isinstance(value, wanted) or (isinstance(value, bool) and mapping.type != "bool"):
        raise Rejected(Reject.WRONG_TYPE)
    return hash_text(value) if isinstance(value, str) else float(value)


def outcome_of(mapping: SourceMapping, doc: Any) -> int:
    if mapping.outcome is None:
        return -1
    value = must(
        doc, mapping.outcome.path, Reject.MISSING_FIELD, Reject.NULL_FIELD, Reject.WRONG_TYPE
    )
    if not isinstance(value, str):
        raise Rejected(Reject.WRONG_TYPE)
    for name, kind in mapping.outcome.kinds:
        if name == value:
            return KINDS[kind]
    raise Rejected(Reject.UNKNOWN_KIND)


def unknown(mapping: SourceMapping) -> dict[str, float | int]:
    return {f.name: blank(f) for f in mapping.fields}


def blank(mapping: FieldMapping) -> float | int:
    return 0 if mapping.type == "string" else float("nan")

"""Why a record was not used: the closed list of dead-letter reason codes."""

from __future__ import annotations

from enum import StrEnum


class Reject(StrEnum):
    """Reason codes of ``churn.deadletter``. Stable; new ones may be added."""

    TOMBSTONE = "tombstone"
    TOO_LARGE = "too-large"
    UNDECODABLE = "undecodable"
    NOT_JSON = "not-json"
    NOT_AN_OBJECT = "not-an-object"
    MISSING_USER = "missing-user"
    NULL_USER = "null-user"
    BAD_USER = "bad-user"
    MISSING_TIME = "missing-time"
    NULL_TIME = "null-time"
    BAD_TIME = "bad-time"
    ABSURD_TIME = "absurd-time"
    FUTURE_TIME = "future-time"
    MISSING_ID = "missing-id"
    NULL_ID = "null-id"
    BAD_ID = "bad-id"
    MISSING_FIELD = "missing-field"
    NULL_FIELD = "null-field"
    WRONG_TYPE = "wrong-type"
    UNKNOWN_KIND = "unknown-kind"
    WRONG_PARTITION = "wrong-partition"
    LATE = "late"
    QUALITY_RULE = "quality-rule"
    BAD_VERDICT = "bad-verdict"

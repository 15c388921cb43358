"""What each reason code means and what to do: for the listing, and for docs/topics.md."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.reasons import Reject


@dataclass(frozen=True, slots=True)
class Remedy:
    """What is wrong with the record, and what puts it right."""

    meaning: str
    remedy: str


_MAPPING = "Correct the producer, or the source's mapping in ebbline.toml; then retry."

REMEDIES: dict[Reject, Remedy] = {
    Reject.TOMBSTONE: Remedy(
        "The record has no value.",
        "Events are never deleted: stop sending tombstones, and do not compact the topic.",
    ),
    Reject.TOO_LARGE: Remedy(
        "The value is longer than the source's `max_bytes`; it was not parsed.",
        "Send less in one event, or raise `max_bytes`; then retry.",
    ),
    Reject.UNDECODABLE: Remedy(
        "The value is not UTF-8 text.",
        "Send JSON in UTF-8 (no Avro, no compression inside the value).",
    ),
    Reject.NOT_JSON: Remedy("The value is not JSON.", "Correct the producer."),
    Reject.NOT_AN_OBJECT: Remedy(
        "The value is JSON, but not an object.", "Send one object for each event."
    ),
    Reject.MISSING_USER: Remedy("Nothing stands at the path of the user's id.", _MAPPING),
    Reject.NULL_USER: Remedy("The user's id is null.", "Leave out events without a user."),
    Reject.BAD_USER: Remedy("The user's id is no scalar, or is empty or too long.", _MAPPING),
    Reject.MISSING_TIME: Remedy("Nothing stands at the path of the event time.", _MAPPING),
    Reject.NULL_TIME: Remedy("The event time is null.", _MAPPING),
    Reject.BAD_TIME: Remedy(
        "The event time cannot be read with the configured unit, or has no zone.",
        "Correct `unit`, or name the source's `zone`; then retry.",
    ),
    Reject.ABSURD_TIME: Remedy(
        "The event time lies outside of any sensible range (year 1, year 9999, negative).",
        "Mostly a wrong `unit` (s, ms, us); correct it, then retry.",
    ),
    Reject.FUTURE_TIME: Remedy(
        "The event time is further ahead of the arrival time than `max_future`.",
        "Correct the producer's clock; a retry after that moment is accepted.",
    ),
    Reject.MISSING_ID: Remedy("Nothing stands at the path of the event id.", _MAPPING),
    Reject.NULL_ID: Remedy("The event id is null.", _MAPPING),
    Reject.BAD_ID: Remedy("The event id is no scalar, or is empty or too long.", _MAPPING),
    Reject.MISSING_FIELD: Remedy(
        "A field that features need is not there.",
        "Correct the producer, or declare the field with `required = false`; then retry.",
    ),
    Reject.NULL_FIELD: Remedy(
        "A field that features need is null.",
        "Correct the producer, or declare the field with `required = false`; then retry.",
    ),
    Reject.WRONG_TYPE: Remedy(
        "A field has another type than its mapping says, or is not finite.",
        "Correct the field's `type`, or the producer; then retry.",
    ),
    Reject.UNKNOWN_KIND: Remedy(
        "The outcome's kind is not listed under `outcome`.",
        "Add the value to churn, leave or return; then retry.",
    ),
    Reject.WRONG_PARTITION: Remedy(
        "The record is not in the partition that murmur2 of its user's id gives.",
        "Key records by the user's id with the murmur2 partitioner (librdkafka: "
        "`partitioner=murmur2_random`). A retry sets the key and moves the record.",
    ),
    Reject.LATE: Remedy(
        "The event is older than the source's watermark by more than `allowed_lateness`.",
        "Raise `allowed_lateness` if such events are regular; then retry. Else leave it.",
    ),
    Reject.QUALITY_RULE: Remedy(
        "A rule of the source's `quality` section does not allow the value; the message names the "
        "rule, the field and the value.",
        "Correct the producer, or the rule where the value is right; then retry.",
    ),
    Reject.BAD_VERDICT: Remedy(
        "The record has the header `ebbline-verdict`, but is no verdict about a known source.",
        "Send what the message asks for; or leave the header out.",
    ),
}


def remedy_of(reason: str) -> Remedy:
    """Look up a reason code; one that a newer worker wrote is not known here."""
    try:
        return REMEDIES[Reject(reason)]
    except ValueError:
        return Remedy("Not known to this version.", "Update Ebbline.")

"""Verdicts on the wire."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.events import decode_batch
from schemas.mapping import SourceMapping, TimeMapping
from schemas.reasons import Reject
from schemas.times import parse_time
from schemas.verdicts import VERDICT_HEADER, Verdict, decode_verdict, encode_verdict

MAPPING = SourceMapping(("user",), TimeMapping(("at",), "us"))
T = parse_time("2026-01-01T00:00:00Z", None)
GOOD = Verdict("v-1", "usage", "corrupt", begin=T, until=T + 1, reason="ü", by="an agent")


def test_it_is_read_as_it_was_written() -> None:
    assert decode_verdict(encode_verdict(GOOD)) == GOOD


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"action": "forgive"}, "not one of corrupt, clear, accept, reject, repaired"),
        ({"id": ""}, "id is no text"),
        ({"id": 7}, "id is no text"),
        ({"source": None}, "source is no text"),
        ({"reason": "x" * 501}, "reason is no text of 1 to 500"),
        ({"begin": "2026"}, "begin is not microseconds"),
        ({"begin": True}, "begin is not microseconds"),
        ({"begin": None}, "begin is missing"),
        ({"until": T}, "until is not after begin"),
        ({"valid_from": 5}, "valid_from is not microseconds"),
        ({"colour": "red"}, "no key 'colour'"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], words: str) -> None:
    value = orjson.dumps(orjson.loads(encode_verdict(GOOD)) | change)
    with pytest.raises(ValueError, match=words):
        decode_verdict(value)


@pytest.mark.parametrize("value", [None, b"", b"7", b"[]", b"{", b"\xff"])
def test_what_is_no_object_is_rejected_and_spoils_nothing(value: bytes | None) -> None:
    event = orjson.dumps({"user": "u", "at": T})
    header = [(VERDICT_HEADER, b"1")]
    batch = decode_batch(MAPPING, [event, value, encode_verdict(GOOD)], [[], header, header])
    assert batch.users == ["u", None, None]
    assert batch.rejects[1][0] is Reject.BAD_VERDICT
    assert list(batch.rejects) == [1]
    assert batch.verdicts == {2: GOOD}

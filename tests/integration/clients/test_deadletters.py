"""``ebbline deadletters`` on a real broker: lists each letter once, sends records again."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from schemas.codec import encode
from schemas.deadletters import DeadLetter
from schemas.events import RETRIED_HEADER, decode_batch
from schemas.murmur2 import partition_of

PARTITIONS = 4
TIME_MS = 1_767_225_600_123


def text(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


@pytest.fixture
def letters(deployment: Any, produce: Any) -> Any:
    """Writes letters about records of the usage topic: ``letters(offset, reason, key, value)``."""
    deployment.run("topics", "create", "--history", "--partitions", str(PARTITIONS))
    topic = deployment.config.input_topics[0]

    def write(
        offset: int, reason: str, key: bytes | None, value: bytes | None, **more: Any
    ) -> DeadLetter:
        values = {
            "id": f"{topic}-0-{offset}",
            "app": deployment.app,
            "source": "usage",
            "topic": topic,
            "partition": 0,
            "offset": offset,
            "record_time": "2026-01-01T00:00:00.123Z",
            "reason": reason,
            "message": f"what was wrong with {offset}",
            "key_base64": text(key),
            "value_base64": text(value),
            "headers": [("trace", text(b"\xff\x00"))],
            "rejected_at": f"2026-01-02T00:00:{offset:02}Z",
        }
        letter = DeadLetter(**{**values, **more})
        produce(deployment.config.topics.deadletter, [(letter.id, encode(letter))])
        return letter

    return write


def test_letters_are_listed_once_with_their_remedies(
    deployment: Any, letters: Any, produce: Any
) -> None:
    for _ in range(2):
        letters(1, "not-json", b"u1", b"\xff{")
    letters(2, "late", b"u2", b"{}")
    letters(3, "late", b"u3", b"{}", app="another")
    produce(deployment.config.topics.deadletter, [b"no letter"])
    result = deployment.run("deadletters")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.output.split())
    assert "2 letters about 2 records, 1 of them written twice" in shown
    assert "1 records of the topic are no dead letters" in shown
    assert "what was wrong with 1" in shown
    assert r"u1 → \xff{" in shown
    assert "allowed_lateness" in shown
    assert shown.index("-0-2 late") < shown.index("-0-1 not-json")  # newest first


@pytest.mark.parametrize(
    ("options", "offsets"),
    [
        ((), [3, 2, 1]),
        (("--reason", "late"), [3, 2]),
        (("--since", "2026-01-02T00:00:03Z"), [3]),
        (("--limit", "1"), [3]),
        (("--source", "outcomes"), []),
        (("--since", "1ms"), []),
    ],
)
def test_letters_are_selected(
    deployment: Any, letters: Any, options: tuple[str, ...], offsets: list[int]
) -> None:
    for offset, reason in ((1, "not-json"), (2, "late"), (3, "late")):
        letters(offset, reason, b"u", b"{}")
    output = deployment.run("deadletters", "--json", *options).output
    assert [orjson.loads(line)["offset"] for line in output.splitlines()] == offsets


def test_a_source_that_does_not_exist_is_refused(deployment: Any) -> None:
    result = deployment.run("deadletters", "--source", "usgae")
    assert result.exit_code == 2
    assert "there are: usage, outcomes" in " ".join(result.output.split())


def test_records_are_sent_again_as_they_were(
    deployment: Any, letters: Any, consume_all: Any
) -> None:
    topic = deployment.config.input_topics[0]
    letters(1, "not-json", b"u1", b"\xff{\x00")
    letters(1, "not-json", b"u1", b"\xff{\x00")
    letters(2, "tombstone", None, None)
    result = deployment.run("deadletters", "--retry", "--yes")
    assert "Sent 1 records again, 0 of them changed" in result.output, result.output
    assert "neither key nor value" in result.output
    [record] = consume_all(topic)
    assert (record.key, record.value) == (b"u1", b"\xff{\x00")
    assert record.partition == partition_of(b"u1", PARTITIONS)
    assert record.timestamp == TIME_MS
    assert list(record.headers) == [
        ("trace", b"\xff\x00"),
        (RETRIED_HEADER, f"{topic}-0-1".encode()),
    ]


def test_a_record_of_the_wrong_partition_gets_its_users_key(
    deployment: Any, letters: Any, consume_all: Any
) -> None:
    user = next(f"u{i}" for i in range(99) if partition_of(f"u{i}".encode(), PARTITIONS) == 3)
    letters(1, "wrong-partition", b"session", orjson.dumps({"u": user, "t": 1_767_225_600_000}))
    letters(2, "wrong-partition", b"other", b"{}")
    output = deployment.run("deadletters", "--retry", "--yes").output
    assert f"key set to the user's id {user}, partition 0 → 3" in output
    assert "cannot be read with the present mapping" in output
    records = consume_all(deployment.config.input_topics[0])
    assert (3, user.encode()) in [(r.partition, r.key) for r in records]
    assert b"other" in [r.key for r in records]


def test_retrying_twice_counts_once(deployment: Any, letters: Any, consume_all: Any) -> None:
    topic = deployment.config.input_topics[0]
    good = orjson.dumps({"u": "u1", "t": 1_767_225_600_000})
    letters(1, "future-time", b"u1", good)
    deployment.run("deadletters", "--retry", "--yes")
    carried = [(RETRIED_HEADER, text(f"{topic}-0-1".encode()))]
    letters(7, "future-time", b"u1", good, retried_from=f"{topic}-0-1", headers=carried)
    again = deployment.run("deadletters", "--retry", "--yes")
    assert "Sent 1 records again" in again.output, again.output
    records = consume_all(topic)
    batch = decode_batch(
        deployment.config.spec.sources[0].mapping,
        [r.value for r in records],
        [r.headers for r in records],
    )
    assert len(records) == 2
    assert batch.ids[0] == batch.ids[1] != 0


def test_nothing_is_sent_without_a_yes(deployment: Any, letters: Any, consume_all: Any) -> None:
    letters(1, "not-json", b"u1", b"{")
    dry = deployment.run("deadletters", "--retry", "--dry-run")
    assert "Would send 1 records" in dry.output
    no = deployment.run("deadletters", "--retry", answer="n\n")
    assert no.exit_code == 1
    assert consume_all(deployment.config.input_topics[0]) == []
    yes = deployment.run("deadletters", "--retry", answer="y\n")
    assert yes.exit_code == 0, yes.output
    assert len(consume_all(deployment.config.input_topics[0])) == 1


def test_no_topic_is_an_error_with_a_remedy(deployment: Any) -> None:
    result = deployment.run("deadletters")
    assert result.exit_code == 1
    assert "does not exist" in result.output

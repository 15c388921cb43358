"""What the commands about wrong data ask for, without services."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from kafka import TopicPartition

from models.engine.state import PartitionState, SourceState
from models.staleness.corruption import Interval, Intervals
from schemas.examples import LeftOut
from schemas.sources import IntervalState
from schemas.times import parse_time
from schemas.verdicts import decode_verdict, encode_verdict
from streams.cli import verdicts as command
from streams.cli.stretches import Moment, Stretch
from streams.cli.verdicts import begun_later, reject
from streams.config import load_config, parse_config
from streams.demo.template import configuration
from streams.state.keys import Keys
from streams.verdicts.asking import accepting, rejecting, rejecting_marked, send

T = parse_time("2026-03-01T00:00:00Z")
BEGIN, UNTIL = "2026-03-01T00:00:00Z", "2026-03-02T12:00:00Z"


def test_times_of_options_are_those_of_verdicts() -> None:
    begin, until = (Moment().convert(text, None, None) for text in (BEGIN, UNTIL))
    marked, rejected = rejecting("usage", begin, until, "cents")
    for verdict in (marked, rejected, *accepting("usage", begin, None, "")):
        assert decode_verdict(encode_verdict(verdict)) == verdict
    assert (marked.action, rejected.action) == ("corrupt", "reject")
    assert (marked.begin, rejected.until) == (parse_time(BEGIN), parse_time(UNTIL))


def test_only_what_is_marked_and_not_accepted_is_rejected_where_it_is() -> None:
    def known(number: int, begin: int, end: int | None, state: IntervalState) -> Interval:
        return Interval(f"{number}-{begin}", T + begin, end and T + end, state, "r", T, "gate")

    partitions = {
        0: Intervals([known(0, 10, 40, "closed"), known(0, 90, 95, "closed")]),
        1: Intervals([known(1, 20, 25, "accepted"), known(1, 30, None, "open")]),
        2: Intervals([known(2, 20, 25, "accepted")]),
    }
    for ruled in partitions.values():
        for verdict in rejecting_marked("usage", ruled.known, T + 15, T + 50, "cents"):
            assert decode_verdict(encode_verdict(verdict)) == verdict
            ruled.rule(verdict, T + 70, T + 80)
    assert {
        number: [(one.begin - T, one.end and one.end - T, one.state) for one in found.known]
        for number, found in partitions.items()
    } == {
        0: [(10, 40, "rejected"), (90, 95, "closed")],
        1: [(20, 25, "accepted"), (30, 50, "rejected")],
        2: [(20, 25, "accepted")],
    }


class Future:
    def __init__(self, offset: int) -> None:
        self.offset = offset

    def get(self, _timeout: float) -> Future:
        return self


class Broker:
    """Takes what is sent. Partition 2 has no records."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, bytes]] = []

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1, 2}

    def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: 0 if place.partition == 2 else 7 for place in places}

    def send(self, _topic: str, *, value: bytes, partition: int, **_more: object) -> Future:
        self.sent.append((partition, value))
        return Future(6 + len(self.sent))

    def flush(self) -> None:
        pass


def test_a_partition_of_which_nothing_is_asked_gets_no_record() -> None:
    source, broker = parse_config(configuration("x")).spec.sources[0], Broker()
    verdicts = rejecting(source.name, T, T + 1, "")
    asked = {0: verdicts, 1: [], 2: verdicts}
    assert send(broker, broker, source, asked, dict.fromkeys(asked, 5)) == {0: 8}
    assert broker.sent == [(0, encode_verdict(one)) for one in verdicts]


def test_the_command_asks_only_partitions_in_which_something_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ebbline.toml"
    file.write_text(configuration("x"))
    config, broker = load_config(file), Broker()
    names = [one.name for one in config.spec.sources]
    marked: dict[int, IntervalState] = {0: "closed", 1: "accepted"}
    records = {}
    for number, state in marked.items():
        record = PartitionState([SourceState(applied=9) for _ in names])
        record.sources[0].corrupt.add(
            Interval(f"gate-{number}", T, T + 1_000_000, state, "r", T, "gate")
        )
        keys = Keys(config.spec.app, number, config.spec.feature_set)
        records[keys.partition_record] = record.encode()
    monkeypatch.setattr(command, "_opened", lambda _: nullcontext((broker, broker, None, records)))
    times = ["--from", BEGIN, "--until", UNTIL]
    told = CliRunner().invoke(
        reject, ["--config", str(file), "--marked", *times, names[0]], catch_exceptions=False
    )
    assert [(number, decode_verdict(value).interval) for number, value in broker.sent] == [
        (0, "gate-0")
    ]
    assert "2026-03-01T00:00:01Z: closed in 1 of 1 partitions" in told.output


class Gone:
    """A broker on which the first records of some partitions are gone."""

    def __init__(self, begins: dict[tuple[str, int], int]) -> None:
        self._begins = begins

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1}

    def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self._begins.get((place.topic, place.partition), 0) for place in places}


def test_it_is_said_which_topics_do_not_reach_back() -> None:
    spec = parse_config(configuration("x")).spec
    billing = spec.sources[1].input_topic
    gone = Gone({(billing, 0): 7, (billing, 1): 9})
    assert begun_later(gone, spec, {1}) == [f"{billing}, partition 1, at offset 9"]
    assert begun_later(gone, spec, set()) == []


def test_a_stretch_may_be_open() -> None:
    assert Stretch().convert(f"usage={BEGIN}/{UNTIL}", None, None) == LeftOut(
        "usage", parse_time(BEGIN), parse_time(UNTIL)
    )
    assert Stretch().convert(f"usage={BEGIN}", None, None).until is None


@pytest.mark.parametrize("text", ["usage", f"={BEGIN}", f"usage={UNTIL}/{BEGIN}", "usage=1/2"])
def test_what_is_no_stretch_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Stretch().convert(text, None, None)

"""What the commands about wrong data ask for, without services."""

from __future__ import annotations

import click
import pytest
from kafka import TopicPartition

from schemas.examples import LeftOut
from schemas.times import parse_time
from schemas.verdicts import decode_verdict, encode_verdict
from streams.cli.stretches import Moment, Stretch
from streams.cli.verdicts import begun_later
from streams.config import parse_config
from streams.demo.template import configuration
from streams.verdicts.asking import accepting, rejecting

BEGIN, UNTIL = "2026-03-01T00:00:00Z", "2026-03-02T12:00:00Z"


def test_times_of_options_are_those_of_verdicts() -> None:
    begin, until = (Moment().convert(text, None, None) for text in (BEGIN, UNTIL))
    marked, rejected = rejecting("usage", begin, until, "cents")
    for verdict in (marked, rejected, *accepting("usage", begin, None, "")):
        assert decode_verdict(encode_verdict(verdict)) == verdict
    assert (marked.action, rejected.action) == ("corrupt", "reject")
    assert (marked.begin, rejected.until) == (parse_time(BEGIN), parse_time(UNTIL))


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

"""What the sources topic says, and the table of it."""

from __future__ import annotations

import io
from dataclasses import replace

import click
import orjson
import pytest
from rich.console import Console

from schemas.codec import encode
from schemas.sources import CostOfLag, IntervalState, WrongInterval
from streams.cli.verdicts import accept, reject
from streams.sources.overview import LeftOut, SourcesOverview
from streams.sources.show import notes, show, table, verdicts, waiting, why
from tests.models.staleness.test_overall import NOW, part


def interval(begin: int, end: int | None, state: IntervalState, reason: str) -> WrongInterval:
    """Of days of February."""
    until = None if end is None else f"2026-02-{end:02}T00:00:00Z"
    return WrongInterval("i", f"2026-02-{begin:02}T00:00:00Z", until, state, reason, NOW, "gate")


def printed(found: SourcesOverview, width: int) -> str:
    file = io.StringIO()
    show(Console(width=width, file=file), found, NOW, NOW)
    return file.getvalue()


def commands(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("    ebbline")]


def collected() -> SourcesOverview:
    found = SourcesOverview("shop", ["billing", "usage"])
    found.take(encode(part(0)))
    found.take(encode(part(1, "stalled", evidence="silent for 3h where 4min is usual (p < 1e-8)")))
    return found


def test_sources_are_merged_in_the_configured_order_and_the_newest_record_counts() -> None:
    found = collected()
    found.take(encode(part(0, source="billing")))
    found.take(encode(part(1)))
    merged = found.merged(NOW)
    assert [(one.source, one.health, one.partitions) for one in merged] == [
        ("billing", "fresh", 1),
        ("usage", "fresh", 2),
    ]


def test_what_was_told_is_not_taken_for_a_partition() -> None:
    found = collected()
    (told,) = found.merged(NOW)
    found.take(encode(told))
    assert found.told == {"usage": told}
    assert len(found.partitions) == 2


def test_what_a_source_is_worth_stays_until_it_is_told_anew() -> None:
    found = collected()
    (told,) = found.merged(NOW)
    assert told.cost_missing is None
    late = [CostOfLag(86_400.0, 0.0021), CostOfLag(604_800.0, 0.0103)]
    found.take(encode(replace(told, cost_missing=0.0214, cost_late=late)))
    (again,) = found.merged(NOW)
    assert (again.cost_missing, again.cost_late) == (0.0214, late)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table(found, NOW, NOW))
    assert "+0.0214" in console.export_text()


def test_what_is_not_ours_is_left_alone() -> None:
    found = SourcesOverview("shop", ["usage"])
    for value in (None, b"", b"{", b'{"kind": "other"}', encode(part(0, app="other"))):
        found.take(value)
    found.take(encode(part(0, source="gone")))
    assert found.merged(NOW) == []


def test_the_table_says_what_somebody_on_call_needs() -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table(collected(), NOW, NOW))
    text = console.export_text()
    header, line = text.splitlines()[:2]
    assert header.split() == [
        *["source", "health", "since", "behind", "usual", "silent", "last", "data", "cost"]
    ]
    assert line.split()[:4] == ["usage", "stalled", "03-01", "12:00"]
    (why,) = [one for one in text.splitlines() if one.startswith("usage: ")]
    assert "silent for 3h where 4min is usual (p < 1e-8) (partitions 1 of 2)" in why


@pytest.mark.parametrize("name", ["usage", "web_clickstream_events_eu"])
def test_the_table_fits_a_narrow_terminal(name: str) -> None:
    found = SourcesOverview("shop", [name])
    found.take(encode(part(0, "stalled", source=name)))
    lines = printed(found, 80).splitlines()
    header = ["source", "health", "since", "behind", "usual", "silent", "last", "data", "cost"]
    assert lines[0].split() == header
    assert lines[1].split()[1:5] == ["stalled", "03-01", "12:00", "1min"]
    drawn = lines[: next(i for i, line in enumerate(lines) if line.startswith("since:"))]
    assert "".join(line.split()[0] for line in drawn[1:] if line[0] != " ") == name
    assert "…" not in "".join(lines)
    assert "2026-03-01" in lines[1]


def test_of_wrong_data_it_says_what_can_be_done() -> None:
    assert "ebbline sources" not in printed(collected(), 160)
    since, newest = "2026-02-27T07:00:00Z", "2026-03-01T11:59:00Z"
    found = SourcesOverview("shop", ["usage"])
    found.take(encode(part(0)))
    found.take(encode(part(1, "corrupt", corrupt_since=since)))
    wrong = LeftOut(since, newest, "", (1,))
    assert found.wrong_now("usage") == wrong
    times = f"--from {since} --until {newest}"
    assert list(verdicts("usage", wrong)) == [
        (
            "wrong, and to be taken out again, where it is marked (partitions 1):",
            f"ebbline sources reject --marked {times} usage",
        ),
        ("right after all (a real change):", f"ebbline sources accept {times} usage"),
    ]
    assert commands(printed(found, 40)) == [command for _, command in verdicts("usage", wrong)]


def test_where_nothing_wrong_has_come_yet_nothing_is_to_be_decided() -> None:
    found = SourcesOverview("shop", ["usage"])
    found.take(encode(part(0, "corrupt", corrupt_since="2026-03-02T00:00:00Z")))
    assert found.wrong_now("usage") is None
    found.take(encode(part(0, "corrupt", last_data=None, corrupt_since="2026-02-02T00:00:00Z")))
    assert found.wrong_now("usage") is None


@pytest.mark.parametrize("width", range(40, 140, 3))
def test_a_command_is_never_cut_or_broken(width: int) -> None:
    found = SourcesOverview("shop", ["clicks"])
    found.take(encode(part(0, source="clicks", intervals=[interval(5, 8, "closed", "nulls")])))
    (over,) = found.left_out("clicks")
    assert commands(printed(found, width)) == [command for _, command in verdicts("clicks", over)]


def test_no_beginning_of_a_command_is_a_command() -> None:
    over = LeftOut("2026-02-05T00:00:00Z", "2026-02-08T00:00:00Z", "nulls", (0,))
    (_, reject_it), (_, accept_it) = verdicts("clicks", over)
    for command, text in ((reject, reject_it), (accept, accept_it)):
        words = text.split()[3:]
        assert command.make_context("x", list(words)).params["source"] == "clicks"
        for cut in range(len(words)):
            with pytest.raises(click.UsageError):
                command.make_context("x", words[:cut])


def test_on_a_screen_that_is_drawn_again_commands_are_folded() -> None:
    found = SourcesOverview("shop", ["clicks"])
    found.take(encode(part(0, source="clicks", intervals=[interval(5, 8, "closed", "nulls")])))
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(table(found, NOW, NOW, folded=True))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines).split()).endswith(
        "accept --from 2026-02-05T00:00:00Z --until 2026-02-08T00:00:00Z clicks"
    )


def test_wrong_data_that_is_over_waits_for_somebody_to_decide() -> None:
    found = SourcesOverview("shop", ["usage", "billing"])
    found.take(
        encode(
            part(
                0,
                intervals=[
                    interval(1, 3, "accepted", "volume"),
                    interval(5, 8, "closed", "unit of minutes"),
                    interval(15, 16, "rejected", "nulls"),
                    interval(20, None, "open", "stuck"),
                ],
            )
        )
    )
    found.take(encode(part(1, intervals=[interval(6, 9, "closed", "unit of minutes")])))
    found.take(encode(part(0, source="billing")))
    assert found.left_out("usage") == [
        LeftOut("2026-02-05T00:00:00Z", "2026-02-09T00:00:00Z", "unit of minutes", (0, 1)),
        LeftOut("2026-02-15T00:00:00Z", "2026-02-16T00:00:00Z", "nulls", (0,)),
    ]
    assert found.left_out("billing") == []
    said = [waiting("usage", over) for over in found.left_out("usage")]
    assert said[0] == (
        "usage: no window uses 2026-02-05 00:00 to 2026-02-09 00:00 "
        "(unit of minutes; partitions 0 1)"
    )
    text = printed(found, 200)
    assert all(line in text for line in said)
    assert commands(text)[0] == (
        "ebbline sources reject --marked --from 2026-02-05T00:00:00Z --until 2026-02-09T00:00:00Z "
        "usage"
    )


def test_of_a_source_that_is_well_it_says_nothing() -> None:
    found = SourcesOverview("shop", ["usage"])
    found.take(encode(part(0, evidence="in time")))
    (one,) = found.merged(NOW)
    assert list(why(one)) == []
    assert list(why(replace(one, unreported=[0]))) == ["usage: in time (no report of 0)"]


def test_an_old_report_is_called_old() -> None:
    (note,) = notes("2026-03-01T09:00:00Z", NOW)
    assert "3h old" in note
    assert "ebbline worker" in note
    assert notes(NOW, NOW) == []
    assert orjson.loads(orjson.dumps(collected().merged(NOW)[0]))["kind"] == "source"

"""What the sources topic says, and the table of it."""

from __future__ import annotations

import io
from dataclasses import replace

import orjson
from rich.console import Console

from schemas.codec import encode
from schemas.sources import CostOfLag, IntervalState, WrongInterval
from streams.sources.overview import LeftOut, SourcesOverview
from streams.sources.show import notes, table, waiting, why
from tests.models.staleness.test_overall import NOW, part


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


def test_the_table_fits_a_narrow_terminal() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(collected(), NOW, NOW))
    header, line = console.export_text().splitlines()[:2]
    assert "…" not in header + line


def test_of_wrong_data_it_says_what_can_be_done() -> None:
    (one,) = collected().merged(NOW)
    assert not [line for line in why(one) if "ebbline" in line]
    since = "2026-02-27T07:00:00Z"
    wrong = replace(one, health="corrupt", corrupt_since=since)
    for verdict in ("reject", "accept"):
        assert any(f"ebbline sources {verdict} usage --from {since}" in x for x in why(wrong))


def test_wrong_data_that_is_over_waits_for_somebody_to_decide() -> None:
    def interval(begin: int, end: int | None, state: IntervalState, reason: str) -> WrongInterval:
        until = None if end is None else f"2026-02-{end:02}T00:00:00Z"
        return WrongInterval(
            "i", f"2026-02-{begin:02}T00:00:00Z", until, state, reason, NOW, "gate"
        )

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
    said = list(waiting("usage", found.left_out("usage")))
    assert said[0] == (
        "usage: no window uses 2026-02-05 00:00 to 2026-02-09 00:00 "
        "(unit of minutes; partitions 0 1)"
    )
    assert said[1].endswith("--from 2026-02-05T00:00:00Z --until 2026-02-09T00:00:00Z")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table(found, NOW, NOW))
    assert all(line in console.export_text(clear=False) for line in said)


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

"""The report and the JSON are made from figures alone."""

from __future__ import annotations

from xml.etree import ElementTree

import orjson
import pytest

from bench import chart, report, sidebyside
from bench.parts import PARTS, Outcome


def contender(title: str, rates: list[float], **more: object) -> dict:
    return {
        "title": title,
        "inputs": "three topics",
        "users": 10,
        "events": 1000,
        "scores": 100,
        "events_per_s": rates,
        "events_per_cpu_s": rates,
        "compared": True,
        "wrong": None,
        "failed": None,
    } | more


ABOUT = {
    "when": "2026-01-01T00:00:00+00:00",
    "commit": "abc",
    "cpu": "CPU",
    "cores": 2,
    "memory_gib": 24.0,
    "load_before": [0.1, 0.2, 0.3],
    "system": "Linux",
    "python": "3.11",
    "packages": {"numpy": "2"},
    "peers_packages": {"bytewax": "0.21"},
    "kafka": "process",
    "redis": "process",
    "runs": 3,
    "quick": False,
}


@pytest.fixture
def contenders() -> dict:
    return {
        "ebbline": contender("Ebbline", [80.0, 100.0, 90.0]),
        "faust": contender("Faust, plain agent", [10.0, 10.0, 9.0]),
        "quix": contender("Quix Streams", [50.0, 50.0, 45.0], wrong="3 scores missing"),
        "bytewax": contender("Bytewax", [], failed="never read a record"),
        "ceiling": contender("ceiling", [400.0, 400.0, 400.0], compared=False),
    }


def test_ratios_are_taken_run_by_run_and_only_of_who_is_right(contenders) -> None:
    found = sidebyside.ratios(contenders)
    assert found["faust"]["rate"] == [8.0, 10.0, 10.0]
    assert set(found) == {"faust", "ceiling"}


def test_a_wrong_ebbline_has_no_ratios(contenders) -> None:
    contenders["ebbline"]["wrong"] = "one score more than once"
    assert sidebyside.ratios(contenders) == {}


def test_the_report_says_who_is_wrong_and_what_is_not_reached(contenders) -> None:
    text = sidebyside.section({"contenders": contenders, "ratios": sidebyside.ratios(contenders)})
    assert "**wrong**: 3 scores missing" in text
    assert "| Bytewax | failed |" in text
    assert "| Faust, plain agent | 10 × (8–10) | 10 × (8–10) | ≥ 8 × | reached |" in text
    assert "| 0.225 × (0.2–0.25) | 0.225 × (0.2–0.25) | ≥ 0.25 × | **not reached** |" in text


def test_everything_is_written_and_failures_are_told(tmp_path, monkeypatch, contenders) -> None:
    monkeypatch.setattr(report, "BUILD", tmp_path / "build")
    monkeypatch.setattr(report, "DOCS", tmp_path)
    figures = {"contenders": contenders, "ratios": sidebyside.ratios(contenders)}
    outcomes = [
        Outcome(PARTS[0], figures, sidebyside.section(figures), 1.0),
        Outcome(PARTS[1], {}, "", 2.0, "PartFailed: no memory\nmore"),
    ]
    report.write(outcomes, ABOUT, docs=True)
    written = orjson.loads((tmp_path / "build" / "bench.json").read_bytes())
    assert written["contenders"]["ebbline"]["events_per_s"] == [80.0, 100.0, 90.0]
    assert written["failed"] == {"profile": "PartFailed: no memory\nmore"}
    text = (tmp_path / "benchmarks.md").read_text()
    assert "## profile\n\n**Failed**: PartFailed: no memory" in text
    assert (tmp_path / "build" / "benchmarks.md").read_text() == text
    ElementTree.fromstring((tmp_path / "benchmarks.svg").read_text())


def test_bars_are_longer_for_more(contenders) -> None:
    bars = [(name, c["title"], c["events_per_s"]) for name, c in contenders.items()]
    picture = ElementTree.fromstring(chart.rates(bars, "rates < more"))
    widths = [float(r.get("width")) for r in picture.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert widths[3] == max(widths)
    assert widths[1] == min(widths)
    assert len(widths) == 4, "who has no rate has no bar"

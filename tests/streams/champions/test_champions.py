"""What ``ebbline models`` reads from the models topic, shows, and asks for."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from models.learning.manifests import first_manifest
from models.learning.signing import sign
from models.spec import Spec
from schemas.codec import decode_example, encode
from schemas.snapshots import Manifest, Paired, Reign
from streams.champions.asking import RequestRefusedError, make_request
from streams.champions.overview import Collector, Overview
from streams.champions.show import particulars, standing
from streams.cli import models as command
from streams.config import Config, parse_config
from streams.config.starter import starter_text

DAY = 86_400_000_000
KEY = b"key"
CHALLENGER = '[challengers.tree]\nkind = "hat"\n\n[learning]\n'
PAIRED = Paired("tree", 7, 0.0042, 0.0, 0.0011, 0.0073, examples=5210)


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(starter_text().replace("[learning]\n", CHALLENGER, 1))


def manifest(spec: Spec, name: str, day: int, version: int, reign: Reign | None = None) -> Manifest:
    made = first_manifest(spec.of_model(name), day * DAY, position=0)
    figures = {"auc": 0.81, "log_loss": 0.2 + day / 1e4, "base_log_loss": None}
    return replace(
        made, version=version, learned=900, positives=40, metrics=figures, reign=reign, payload="p"
    )


@pytest.fixture
def overview(config: Config) -> Overview:
    """The tree was promoted on day 52; from day 54 on its version 30 is pinned."""
    spec, collector = config.spec, Collector(config.spec, KEY)
    promoted = Reign("tree", 52, since=52 * DAY, by="evidence", reason="better", before="champion")
    pinned = replace(promoted, version=30, pinned=True, held=True, since=54 * DAY, by="request")
    reigns = {
        50: None,
        51: Reign("champion", 51, evidence=(PAIRED,)),
        52: promoted,
        53: replace(promoted, version=53),
        54: pinned,
    }
    for day, reign in reigns.items():
        for told in (manifest(spec, "tree", day, day), manifest(spec, "champion", day, day, reign)):
            collector.add(encode(sign(told, KEY)))
    collector.add(encode(sign(manifest(spec, "champion", 55, 55), b"another key")))
    collector.add(encode(replace(sign(manifest(spec, "tree", 55, 55), KEY), app="other")))
    collector.add(b"no manifest")
    return collector.overview()


def shown(*parts: Any) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(*parts, sep="\n")
    return capture.get()


def test_every_change_is_listed_once(overview: Overview) -> None:
    assert [(epoch // DAY, r.name, r.version) for epoch, _, r in overview.changes] == [
        (50, "champion", 50),
        (52, "tree", 52),
        (54, "tree", 30),
    ]
    assert overview.versions() == {"champion": 54, "tree": 54}
    assert overview.kept("tree") == range(31, 55)
    assert overview.refused == 1


def test_what_is_shown(config: Config, overview: Overview) -> None:
    text = shown(*standing(config.spec, overview))
    assert "30 of 54" in text
    assert "● scores: tree 30 since 1970-02-24T00:00:00Z, by request: better; evidence" in text
    assert "1 announcements were left out" in text
    text = shown(*particulars(config.spec, overview, "tree"))
    assert "versions 31 to 54" in text
    assert "1970-02-22T01:00:00Z  tree (newest version)  better" in text
    earlier = replace(overview, reign=Reign("champion", 51, evidence=(PAIRED,)))
    assert "+0.00420 (+0.00110 to +0.00730)" in shown(*standing(config.spec, earlier))
    nothing = Collector(config.spec, None).overview()
    assert "the prior scores" in shown(*standing(config.spec, nothing))


def test_only_what_can_be_done_is_asked(config: Config, overview: Overview) -> None:
    request = make_request("my-app", overview, "rollback", None, None, "why")
    assert decode_example(encode(request)) == request
    with pytest.raises(RequestRefusedError, match="there are: champion, tree"):
        make_request("my-app", overview, "promote", "forest", None, "")
    with pytest.raises(RequestRefusedError, match="there are 31 to 54"):
        make_request("my-app", overview, "rollback", "champion", 30, "")
    assert make_request("my-app", overview, "rollback", "tree", 30, "").version == 30
    nothing = Collector(config.spec, None).overview()
    with pytest.raises(RequestRefusedError, match="no epoch has been learned"):
        make_request("my-app", nothing, "promote", "tree", None, "")


@pytest.fixture
def run(config: Config, overview: Overview, monkeypatch: pytest.MonkeyPatch) -> Any:
    sent: list[Any] = []

    @contextmanager
    def looking(_: Config) -> Any:
        yield None, overview

    def send(_: Config, __: Any, request: Any) -> str:
        sent.append(request)
        return "churn.examples-0-7"

    monkeypatch.setattr(command, "load", lambda _: config)
    monkeypatch.setattr(command, "looking", looking)
    monkeypatch.setattr(command, "send", send)

    def invoke(*words: str) -> tuple[Result, list[Any]]:
        sent.clear()
        return CliRunner().invoke(command.models, words), sent

    return invoke


def test_the_commands(run: Any) -> None:
    result, _ = run("list", "--json")
    rows = [orjson.loads(line) for line in result.stdout.splitlines()]
    assert [(row["model"], row["scores"], row["maturity"]) for row in rows] == [
        ("champion", False, "learning"),
        ("tree", True, "learning"),
    ]
    result, _ = run("show", "--json")
    assert len(orjson.loads(result.stdout)["changes"]) == 3
    result, sent = run("promote", "champion", "--note", "so")
    assert "Asked at churn.examples-0-7" in result.stdout
    assert "every 1d" in result.stdout
    assert [(r.action, r.model, r.note) for r in sent] == [("promote", "champion", "so")]
    result, sent = run("rollback", "--model", "tree")
    assert (result.exit_code, sent) == (2, [])
    result, sent = run("show", "forest")
    assert "there are: champion, tree" in result.output

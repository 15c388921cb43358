"""One contender doing the job once: started, watched from outside, measured, compared."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import redis

from bench.broker import STAMPED, Record
from bench.contender import Contender
from bench.context import ROOT, Context
from bench.job.config import config, text
from bench.job.model import KEY
from bench.stage import Stage
from schemas.times import format_time
from streams.embedded.process import OwnedProcess
from streams.topics.plan import plan_topics

STALLED_SECONDS = 60.0
START_SECONDS = 90.0
LOOK_SECONDS = 0.2
STOP_SECONDS = 10.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A contender did not finish; the message says how far it came and what it said last."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """seconds: from the first record handed over to the last output appended by the broker (for
    who only reads: to the last record). cpu: the process's own CPU seconds in between.
    wrong: what the oracle objects to, None when nothing.
    """

    events: int
    seconds: float
    cpu: float
    outputs: int
    wrong: str | None

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def measure(
    context: Context, contender: Contender, run: int | str, profile: Path | None = None
) -> Measurement:
    """Let a contender do the job once; with ``profile`` Ebbline writes one. Raises Failed."""
    stage = context.stage
    app = f"{stage.name}-{contender.name}-{run}"
    folder = context.folder / app
    folder.mkdir(parents=True)
    expected = stage.expected(contender)
    settings = _prepare(context, contender, app, folder, profile)
    process = OwnedProcess(
        [*contender.command(context.peers_python), str(folder / "settings.json")],
        name=contender.title,
        output=folder / "log.txt",
        env=_environment(context, folder),
    )
    try:
        first = _await_note(process, folder / "first.json")
        wanted = len(expected.keys) if contender.scores else None
        cpu = _await_end(process, stage, settings["output"], wanted, folder)
    finally:
        process.terminate(STOP_SECONDS)
    outputs = stage.kafka.read(settings["output"]) if contender.scores else []
    end = _end(outputs, folder)
    wrong = expected.objection(r.value for r in outputs) if contender.scores else None
    _tidy(context, stage, app, folder)
    return Measurement(
        expected.events, end - first["wall"], cpu - first["cpu"], len(outputs), wrong
    )


def _prepare(
    context: Context, contender: Contender, app: str, folder: Path, profile: Path | None
) -> dict[str, Any]:
    """Topics of its own, the model, and the settings file of the process."""
    stage = context.stage
    topics = stage.topics(contender)
    spec = config(app, stage.prefix)
    manifest = stage.snapshot.announcement(app)
    (folder / "payload").write_bytes(stage.snapshot.payload)
    (folder / "ebbline.toml").write_text(text(app, stage.prefix))
    names = spec.topics
    for plan in plan_topics(spec, stage.kafka.partitions):
        if plan.role == "scores" or (plan.role != "input" and contender.inputs == "three topics"):
            stamped = STAMPED if plan.role == "scores" else {}
            stage.kafka.create([plan.name], {**plan.configs, **stamped}, plan.partitions)
    if contender.name == "ebbline":
        with redis.Redis.from_url(context.services.redis_url) as store:
            store.set(f"ebb:{app}:snapshot:{stage.snapshot.key}", stage.snapshot.payload)
        stage.kafka.send(names.models, b"champion", orjson.dumps(manifest))
    settings = {
        "bootstrap_servers": context.services.bootstrap_servers,
        "redis_url": context.services.redis_url,
        "topics": topics,
        "output": names.scores,
        "group": app,
        "config": str(folder / "ebbline.toml"),
        "folder": str(folder),
        "profile": None if profile is None else str(profile),
        "events": stage.expected(contender).events,
        "about": {
            "app": app,
            "valid_from": format_time(manifest.valid_from),
            "feature_set": spec.spec.feature_set,
            "payload": str(folder / "payload"),
        },
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    return settings


def _environment(context: Context, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        **context.services.environment,
        "EBBLINE_SIGNING_KEY": KEY,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder),
    }


def _await_note(process: OwnedProcess, path: Path) -> dict[str, float]:
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        if not process.alive or time.monotonic() > deadline:
            raise Failed(process.report("never read a record"))
        time.sleep(0.05)
    found: dict[str, float] = json.loads(path.read_text())
    return found


def _await_end(
    process: OwnedProcess, stage: Stage, output: str, wanted: int | None, folder: Path
) -> float:
    """The process's CPU seconds when it has done all of its work."""
    moved, before = time.monotonic(), -1
    while True:
        if (folder / "last.json").exists():
            return float(json.loads((folder / "last.json").read_text())["cpu"])
        cpu = _cpu_seconds(process.pid) if process.alive else 0.0
        out = stage.kafka.ends(output) if wanted is not None else 0
        if wanted is not None and out >= wanted:
            return cpu
        if out != before:
            moved, before = time.monotonic(), out
        if not process.alive or time.monotonic() - moved > STALLED_SECONDS:
            raise Failed(process.report(f"stopped at {out} outputs of {wanted}"))
        time.sleep(LOOK_SECONDS)


def _end(outputs: list[Record], folder: Path) -> float:
    last = folder / "last.json"
    if last.exists():
        return float(json.loads(last.read_text())["wall"])
    return max(record.appended for record in outputs)


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _tidy(context: Context, stage: Stage, app: str, folder: Path) -> None:
    """Leave nothing behind but the log."""
    stage.kafka.delete_of(app)
    stage.kafka.delete_of(f"changelog__{app}")
    with redis.Redis.from_url(context.services.redis_url) as store:
        for pattern in (f"ebb:{{{app}.*", f"ebb:{app}:*", f"{app}:*"):
            for keys in _chunks(list(store.scan_iter(match=pattern, count=5000))):
                store.delete(*keys)
    for name in ("state", "recovery"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _chunks(keys: list[Any], size: int = 1000) -> list[list[Any]]:
    return [keys[i : i + size] for i in range(0, len(keys), size)]

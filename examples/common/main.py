"""The way of an example's data: prepare, publish, score and learn, compare with what happened."""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from examples.common import anchor, readback
from examples.common.evaluate import evaluate
from examples.common.fresh import clear, start_afresh
from examples.common.report import print_report
from examples.common.study import DataError, Prepared, Study
from examples.common.workers import WorkersFailed, workers
from schemas.times import parse_time
from streams.config import Config, load_config
from streams.connections import Connections
from streams.embedded import Services, ServiceUnavailable, resolve_services
from streams.publish import job
from streams.publish.arrival import Arrival
from streams.publish.plan import Feed, Plan, Progress
from streams.publish.view import PublishView
from streams.topics.clients import connect

_SAY_SECONDS = 5.0
console = Console(stderr=True, highlight=False)


class Clock:
    """Seconds spent on each step."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str, text: str) -> Iterator[None]:
        """Say what is being done, and note how long it took."""
        console.print(f"[bold]== {text}[/]")
        began = time.monotonic()
        yield
        self.steps[name] = round(time.monotonic() - began, 1)

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return round(time.monotonic() - self._began, 1)


def main(study: Study) -> int:
    """Run the example as the command line says; the exit code."""
    options = _options(study)
    try:
        result = run(study, options)
    except (ServiceUnavailable, WorkersFailed, DataError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130
    print_report(study.title, result)
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def run(study: Study, options: argparse.Namespace) -> dict[str, Any]:
    """All steps; the result as it is written to JSON."""
    clock, folder = Clock(), Path(tempfile.mkdtemp(prefix="ebbline-example-"))
    config = load_config(study.config)
    with ExitStack() as cleanup:
        cleanup.callback(_leave, folder, keep=options.keep)
        with clock.step("services", "Kafka and Redis: from the environment, or started here"):
            services = cleanup.enter_context(resolve_services())
        return _with_services(study, options, config, services, folder, clock)


def _leave(folder: Path, *, keep: bool) -> None:
    if keep:
        console.print(f"kept: {folder} (events, logs)")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _with_services(
    study: Study,
    options: argparse.Namespace,
    config: Config,
    services: Services,
    folder: Path,
    clock: Clock,
) -> dict[str, Any]:
    connections = Connections.from_env(services.environment)
    clients = connect(connections)
    console.print(f"Kafka {services.bootstrap_servers} ({services.kafka_kind}), ", end="")
    console.print(f"Redis {connections.redis_shown} ({services.redis_kind})")
    with clock.step("prepare", f"turning {options.data} into events"):
        prepared = study.prepare(options.data, folder / "events")
    start_afresh(config, connections, clients, options.partitions)
    with clock.step("publish", "publishing them in order of arrival"):
        progress = _publish(study, config, prepared, connections)
    with clock.step("process", f"scoring and learning ({options.workers} + 1 processes)"):
        _process(study, options, config, services, folder)
    with clock.step("evaluate", "comparing the scores with what happened"):
        scores = readback.scheduled_scores(clients, config.topics.scores)
        letters = readback.dead_letters(clients, config.topics.deadletter)
        labels = config.spec.labels
        table = evaluate(scores, prepared.truth, labels.horizon, config.spec.model.prior)
        if options.scores is not None:
            readback.write_scores(scores, options.scores)
    if options.anchor and anchor.installed():
        with clock.step("anchor", f"{anchor.NAME}, on the same examples"):
            warm_from = parse_time(table["without_cold_start"]["from"])
            learned = readback.examples(clients, config.topics.examples)
            table["anchor"] = anchor.compare(config.spec, learned, warm_from)
    elif options.anchor:
        console.print(f"no LightGBM here, so no comparison with it ({anchor.HOW})")
    if not options.keep and services.kafka is None:
        clear(config, connections, clients)
    return {
        "example": study.title,
        "events": progress.sent,
        "events_by_source": dict(progress.rows),
        "prepared": prepared.counts,
        "deadletters": letters,
        **table,
        "seconds": clock.total,
        "seconds_by_step": clock.steps,
    }


def _publish(
    study: Study, config: Config, prepared: Prepared, connections: Connections
) -> Progress:
    feeds = tuple(
        Feed(source, (prepared.files[source.name],), Arrival()) for source in config.spec.sources
    )
    close_at = -(-prepared.close_at // 1000)
    plan = Plan(feeds, study.heartbeats, close_at, config.spec.sources)
    progress = Progress()
    with PublishView(plan, progress) as view:
        asyncio.run(job.publish(plan, connections, None, progress, view))
    console.print(
        f"{progress.sent:,} events: read and sorted in {progress.reading_seconds:.1f} s, "
        f"sent in {progress.sending_seconds:.1f} s"
    )
    return progress


def _process(
    study: Study, options: argparse.Namespace, config: Config, services: Services, folder: Path
) -> None:
    clients = connect(Connections.from_env(services.environment))
    logs = folder / "logs"
    logs.mkdir()
    said = began = time.monotonic()
    total = 0

    def watch(left: int, scores: int) -> None:
        nonlocal said, total
        total = max(total, left)
        if time.monotonic() - said >= _SAY_SECONDS:
            said = time.monotonic()
            rate = (total - left) / (said - began)
            console.print(f"{left:>12,} records to come, {scores:,} scores, {rate:,.0f} records/s")

    with workers(study.config, services.environment, options.workers, logs) as running:
        running.wait_until_done(config, clients, watch)


def _options(study: Study) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"{study.title}, through real Kafka and Redis.")
    parser.add_argument("data", type=Path, metavar="DATA", help="where the published data lies")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="write all scores there (CSV)")
    parser.add_argument("--workers", type=int, default=2, help="scoring processes (default 2)")
    parser.add_argument("--partitions", type=int, default=2, help="of each topic (default 2)")
    parser.add_argument(
        "--no-anchor",
        dest="anchor",
        action="store_false",
        help="don't compare with LightGBM, where that is installed",
    )
    parser.add_argument("--keep", action="store_true", help="keep events, logs and topics")
    options = parser.parse_args()
    if not options.data.exists():
        sys.exit(f"{options.data} does not exist")
    return options

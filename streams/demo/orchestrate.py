"""One process tree: services, worker, trainer, simulated users and a view; then nothing is left."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from streams.connections import Connections
from streams.demo import workspace
from streams.demo.children import ROLES, Children
from streams.demo.claims import Claim, judge
from streams.demo.director import Act, Director
from streams.demo.evidence import Evidence
from streams.demo.moment import Moment
from streams.demo.simtime import day_of
from streams.demo.stage import STORY_SOURCE, Stage
from streams.demo.web import Page
from streams.embedded import Services, resolve_services
from streams.topics.clients import connect

STORY_S = 60.0
PATIENCE_S = 120.0
LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line decides.

    seconds: how long, None until Ctrl-C. port: of the page, None for no page. speed: simulated
    days for each second. logs: folder for logs that stay, None: they go if all is well.
    """

    seconds: float | None
    port: int | None
    seed: int
    speed: float
    logs: Path | None = None


class Show(Protocol):
    """What is told to whoever started the demo."""

    def say(self, *lines: str) -> None:
        """Say something that stays."""

    def draw(self, moment: Moment) -> None:
        """Show the present."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended. ``claims`` None: it was stopped before they could be judged."""

    moment: Moment
    evidence: Evidence
    firsts: tuple[float | None, float | None]
    claims: tuple[Claim, ...] | None
    exit_codes: dict[str, int]

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong, so that nobody needs the logs."""
        return all(c.ok for c in self.claims or ()) and not any(self.exit_codes.values())


def run(options: Options, show: Show) -> Ending:
    """Run the demo; returns when it is over or stopped. Logs stay if anything went wrong.

    Raises ChildDied, StageFailed, ServiceUnavailable.
    """
    began = time.monotonic()
    folder = options.logs or Path(tempfile.mkdtemp(prefix="ebbline-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stop = stack.enter_context(_signals())
        services = stack.enter_context(resolve_services(prefer="embedded"))
        env = {**services.environment, "EBBLINE_SIGNING_KEY": secrets.token_hex(32)}
        connections = Connections.from_env({**os.environ, **env})
        path = folder / "ebbline.toml"
        config = stack.enter_context(workspace.topics(services, connections, path))
        children = Children(path, folder, env)
        stack.callback(children.stop)
        stage = Stage(connect(connections), config, options.seed, options.speed, began)
        stack.callback(stage.stop)
        _introduce(show, services, folder, kept=options.logs is not None)
        ending = _Run(options, show, stage, children, stop).play()
    if ending.clean and options.logs is None:
        shutil.rmtree(folder, ignore_errors=True)
    return ending


class _Run:
    """The time between start and end."""

    def __init__(
        self,
        options: Options,
        show: Show,
        stage: Stage,
        children: Children,
        stop: threading.Event,
    ) -> None:
        self._options = options
        self._show = show
        self._stage = stage
        self._children = children
        self._stop = stop
        self._messages: list[str] = []
        self._claims: tuple[Claim, ...] | None = None
        self._newest: Moment | None = None
        total = options.seconds or STORY_S
        self._director = Director(total, patience=max(total, PATIENCE_S))

    def play(self) -> Ending:
        page = self._open_page()
        self._stage.start()
        try:
            while not self._stop.wait(LOOK_S) and not self._over():
                self._look()
            return self._end()
        finally:
            if page is not None:
                page.stop()

    def _open_page(self) -> Page | None:
        if self._options.port is None:
            return None
        page = Page(lambda: self._newest, self._stage.simulator.faults, self._options.port)
        page.start()
        self._show.say(f"open {page.address}: watch the AUC rise, then cut a source yourself")
        return page

    def _over(self) -> bool:
        """The story is told and no more was asked for, or simulated time has reached today."""
        told = self._director.act == "over" and self._options.seconds is not None
        return told or self._stage.pace.over

    def _look(self) -> None:
        self._children.check()
        self._stage.check()
        act = self._director.step(self._stage.elapsed, self._stage.progress())
        if act is not None:
            self._begin(act)
        self._newest = self._stage.moment(self._director.act, self._messages, self._claims or ())
        self._show.draw(self._newest)

    def _begin(self, act: Act) -> None:
        day = day_of(self._stage.simulator.now)
        faults = self._stage.simulator.faults
        if act == "cut":
            faults.cut(STORY_SOURCE)
            self._tell(f"day {day:.0f}: {STORY_SOURCE} is cut, its records no longer arrive")
        elif act == "restored":
            faults.restore(STORY_SOURCE)
            self._tell(f"day {day:.0f}: {STORY_SOURCE} is restored, its backlog lands")
        elif act == "over":
            self._claims = tuple(judge(self._stage.evidence()))

    def _tell(self, line: str) -> None:
        self._messages.append(line)
        self._show.say(line)

    def _end(self) -> Ending:
        ledger = self._stage.ledger
        evidence = self._stage.evidence()
        moment = self._stage.moment(self._director.act, self._messages, self._claims or ())
        codes = self._children.stop()
        firsts = (ledger.first_score, ledger.first_learned)
        return Ending(moment, evidence, firsts, self._claims, codes)


def _introduce(show: Show, services: Services, folder: Path, *, kept: bool) -> None:
    kafka = f"Kafka at {services.bootstrap_servers}" + (
        " (in memory)" if services.mock is not None else ""
    )
    redis = (
        "Redis from the environment" if services.redis_kind == "environment" else "its own Redis"
    )
    show.say(
        f"Ebbline demo: {kafka}, {redis}. It keeps nothing.",
        f"Logs{'' if kept else ', kept only if something goes wrong'}: "
        + ", ".join(str(folder / f"{role}.log") for role in ROLES),
    )


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM set the event instead of breaking off whatever runs."""
    stop = threading.Event()
    numbers: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

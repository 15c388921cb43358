"""How a publication goes, for people: a progress bar, and a summary at the end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from schemas.times import format_time
from streams.publish.plan import Plan, Progress
from streams.publish.topics import Target


class PublishView:
    """A progress bar on standard error; nothing moves there when it is not a terminal."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan, self._progress = plan, progress
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._read = self._bar.add_task("reading", total=None, rate="")
        self._send = self._bar.add_task("sending", total=None, rate="", visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def reading(self, source: str, more: int) -> None:
        """Show rows read."""
        self._bar.update(self._read, advance=more, description=f"reading {source}")

    def sending(self, progress: Progress) -> None:
        """Show rows sent."""
        self._bar.update(
            self._send,
            visible=True,
            completed=progress.sent,
            total=progress.total,
            rate=self._rate(),
        )

    def found(self, targets: dict[str, Target]) -> None:
        """Warn of topics that already hold something."""
        full = [f"{topic} ({t.records:,} records)" for topic, t in targets.items() if t.records]
        if full and self._plan.feeds:
            self._console.print(
                f"[yellow]not empty: {', '.join(full)}. Rows that are there already will be there "
                "twice; to start afresh, delete the topics and: ebbline topics create[/]",
                soft_wrap=True,
            )

    def _rate(self) -> str:
        speed = self._bar.tasks[self._send].speed
        return f"{speed:,.0f}/s" if speed else ""


def summary(plan: Plan, progress: Progress, dry_run: bool) -> str:
    """What was done, a line for each source."""
    verb = "would send" if dry_run else "sent"
    lines = [_line(name, verb, progress) for name in progress.skipped]
    closed = [s.name for s in plan.closing] if plan.close_at is not None else []
    if closed and progress.finished:
        assert plan.close_at is not None
        lines.append(f"closed at {format_time(plan.close_at * 1000)}: {', '.join(closed)}")
    if progress.sent and not dry_run:
        lines.append(
            f"{progress.sent:,} rows: read and sorted in {progress.reading_seconds:.1f} s, "
            f"sent in {progress.sending_seconds:.1f} s "
            f"({progress.sent / max(progress.sending_seconds, 1e-9):,.0f}/s)"
        )
    if not progress.finished:
        lines.append(
            f"STOPPED: {progress.sent:,} of {progress.total:,} rows are out, and acknowledged. "
            "Publishing again sends them a second time; to start afresh, delete the topics."
        )
    return "\n".join(lines)


def _line(name: str, verb: str, progress: Progress) -> str:
    text = f"{name}: {verb} {progress.rows[name]:,} rows"
    if progress.heartbeats[name]:
        text += f", {progress.heartbeats[name]:,} heartbeats"
    if name in progress.ranges:
        first, last = (format_time(at * 1000) for at in progress.ranges[name])
        text += f", arriving {first} to {last}"
    if why := progress.skipped[name]:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(why.items()))
        text += f"; left out {why.total():,} without a readable user or time ({reasons})"
    return text

"""Drawing a view: tables for a terminal, or plain lines for a pipe."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from schemas.scores import Reason, Score
from streams.watch.sources import SourceLine
from streams.watch.view import WatchView

COLOURS = {
    "fresh": "green",
    "lagging": "yellow",
    "stalled": "red",
    "corrupt": "bold red",
    "unknown": "dim",
}
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def picture(view: WatchView) -> RenderableType:
    """Draw everything: headline, sources, lags, newest high risks, notes."""
    parts: list[RenderableType] = [Text(headline(view), style="bold"), _sources(view)]
    if view.lags:
        parts.append(Text("lag: " + lag_text(view.lags)))
    parts.append(_risks(view))
    return Group(*parts, *(Text(note) for note in view.notes))


def plain_lines(view: WatchView) -> list[str]:
    """Say the same without a terminal: one line for each thing."""
    lines = [headline(view)]
    lines += [f"source {s.name}: {_source_text(s)}" for s in view.sources]
    if view.lags:
        lines.append("lag: " + lag_text(view.lags))
    lines += [
        f"risk {s.user} {s.probability:.3f} at {s.time}: {reason_text(s)}" for s in view.risks
    ]
    return [*lines, *view.notes]


def headline(view: WatchView) -> str:
    """Say how many scores, how fast, by which model, and how good it is."""
    bands = ", ".join(f"{name} {n}" for name, n in view.bands.items())
    parts = [
        f"{view.app}: {view.scores} scores" + (f" ({bands})" if bands else ""),
        f"{view.rate:.1f}/s",
        model_text(view),
    ]
    if view.repeated:
        parts.insert(1, f"{view.repeated} repeated")
    return ", ".join(parts)


def model_text(view: WatchView) -> str:
    """Name the model of the newest scores, and its prequential metrics."""
    if view.model is None:
        text = "model: none yet"
    else:
        since = f" valid from {view.model.valid_from}" if view.model.valid_from else " (prior)"
        text = f"model: {view.model.name} v{view.model.version}{since}"
    drift = view.drift
    if drift is None:
        return text
    base = f" (base rate {_number(drift.base_log_loss)})"
    metrics = f"AUC {_number(drift.auc)}, log loss {_number(drift.log_loss)}{base}"
    return f"{text}; {metrics}, {drift.learned} examples learned"


def lag_text(lags: Mapping[tuple[str, int], int]) -> str:
    """Sum by topic, with the partitions behind it."""
    by_topic: dict[str, list[int]] = {}
    for (topic, _), lag in lags.items():
        by_topic.setdefault(topic, []).append(lag)
    return ", ".join(
        f"{topic} {sum(parts)} [{' '.join(map(str, parts))}]" for topic, parts in by_topic.items()
    )


def reason_text(score: Score) -> str:
    """Name what raised the score most."""
    return ", ".join(_reason(r) for r in score.reasons) or "no reasons given"


def duration_text(seconds: float | None) -> str:
    """Shorten a duration: 93600 s is ``1.1d``."""
    if seconds is None:
        return "-"
    for size, unit in UNITS:
        if abs(seconds) >= size:
            return f"{seconds / size:.1f}{unit}".replace(".0", "")
    return f"{seconds:.1f}s"


def _sources(view: WatchView) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("source", "health", "clock", "watermark", "last data"):
        table.add_column(name)
    for name in ("stale", "events", "late", "rejected", "repeated"):
        table.add_column(name, justify="right")
    for line in view.sources:
        times = (_time(line.clock), _time(line.watermark), _time(line.last_data))
        counts = (line.events, line.late, line.rejected, line.duplicates)
        health = Text(line.health, style=COLOURS[line.health])
        stale = duration_text(line.staleness_s)
        table.add_row(escape(line.name), health, *times, stale, *map(str, counts))
    return table


def _risks(view: WatchView) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("newest high risks")
    table.add_column("risk", justify="right")
    table.add_column("scored at")
    table.add_column("because")
    for score in view.risks:
        cells = (_time(score.time), escape(reason_text(score)))
        table.add_row(escape(score.user), f"{score.probability:.3f}", *cells)
    return table


def _source_text(line: SourceLine) -> str:
    return (
        f"{line.health}, clock {line.clock or '-'}, watermark {line.watermark or '-'}, "
        f"stale {duration_text(line.staleness_s)}, {line.events} events, {line.late} late, "
        f"{line.rejected} rejected, {line.duplicates} repeated"
    )


def _reason(reason: Reason) -> str:
    value = "unknown" if reason.value is None else f"{reason.value:.4g}"
    return f"{reason.label or reason.feature} = {value} ({reason.contribution:+.2f})"


def _time(text: str | None) -> str:
    """Shorten an RFC 3339 time to what a table has room for."""
    return "-" if text is None else text[:19].replace("T", " ")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

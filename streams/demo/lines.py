"""Progress in plain lines, and the summary: for a pipe, a log, a CI run."""

from __future__ import annotations

from collections.abc import Sequence

from streams.demo.claims import Claim, stalled_scores
from streams.demo.evidence import Evidence
from streams.demo.moment import Moment
from streams.demo.simtime import day_of


def progress(moment: Moment) -> str:
    """One line: how far, how many, how good, and how the sources are."""
    view = moment.view
    health = ", ".join(f"{s.name} {s.health}" for s in view.sources) or "no word of the sources yet"
    return (
        f"{moment.elapsed:5.1f} s  day {day_of(moment.now):5.1f}  "
        f"{view.scores:7,} scores ({view.rate:5.0f}/s)  {model(moment)}  {health}"
    )


def model(moment: Moment) -> str:
    """Version of the model in use, and how good it is."""
    version = moment.view.model.version if moment.view.model else 0
    return f"model {version:3d}  AUC {newest_auc(moment)}"


def newest_auc(moment: Moment) -> str:
    """AUC while learning, of the newest matured week of emitted scores, and of the oracle."""
    learning = moment.drift[-1].auc if moment.drift else None
    known = [j.quality for j in moment.judged if j.quality.auc is not None]
    emitted, oracle = (known[-1].auc, known[-1].oracle) if known else (None, None)
    return f"{number(learning)} learning, {number(emitted)} emitted (oracle {number(oracle)})"


def number(value: float | None) -> str:
    """Three digits, or a dash.

    >>> number(0.5), number(None)
    ('0.500', '-')
    """
    return "-" if value is None else f"{value:.3f}"


def summary(moment: Moment, evidence: Evidence, firsts: Sequence[float | None]) -> list[str]:
    """What happened, in figures. ``firsts``: seconds to the first score, and the first learned."""
    q = evidence.quality
    rows = {
        "simulated": f"{day_of(moment.now):.0f} days in {moment.elapsed:.0f} s",
        "events": ", ".join(f"{n:,} {source}" for source, n in moment.events.items()),
        "cancelled": f"{moment.cancellations:,} users",
        "scores": f"{moment.view.scores:,} of {len({s.user for s in evidence.scores}):,} users, "
        f"{moment.view.scores / max(1.0, moment.elapsed):,.0f} a second over the whole run",
        "first score": f"after {_seconds(firsts[0])}, by a learned model {_seconds(firsts[1])}",
        "model": f"version {moment.view.model.version if moment.view.model else 0}, "
        f"{moment.labels:,} labelled examples learned",
        "AUC": f"{number(q.auc)} (chance 0.500, oracle {number(q.oracle)}) of {q.rows:,} scores "
        f"whose horizon is over, {q.positives:,} before a cancellation",
        "log loss": f"{number(q.log_loss)} (base rate {number(q.base_log_loss)})",
        "stalled": f"{stalled_scores(evidence):,} scores said that the cut source was stalled",
        "dead letters": ", ".join(f"{n} {reason}" for reason, n in sorted(moment.dead.items()))
        or "none",
    }
    return [f"{name:>13}  {text}" for name, text in rows.items()]


def verdict(claims: Sequence[Claim]) -> list[str]:
    """Each claim with what was seen; those that failed stand out."""
    return [f"{'ok' if c.ok else 'FAILED':>13}  {c.name}: {c.detail}" for c in claims]


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"

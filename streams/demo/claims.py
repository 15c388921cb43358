"""What the demo says, checked against what came out: pure functions, each of which can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from schemas.times import HOUR
from streams.demo.evidence import Evidence, SeenScore
from streams.demo.faults import FaultSpan
from streams.demo.simtime import day_of

LEAST_SCORES = 1_000
LEAST_LABELS = 200
LEAST_AUC = 0.6
NAMED = 3  # of those that are missing
SIGNIFICANT = 3.0  # standard errors
SETTLING = 6 * HOUR  # after a restore, until scores must say fresh


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that the demo says; ``detail`` is what was seen."""

    name: str
    ok: bool
    detail: str


def scores_flow(evidence: Evidence) -> Claim:
    """Scores came out for many users and several cuts."""
    scores = evidence.scores
    users, cuts = len({s.user for s in scores}), len({s.time for s in scores})
    ok = len(scores) >= LEAST_SCORES and cuts >= 2
    return Claim("scores flow", ok, f"{len(scores):,} scores of {users:,} users at {cuts} cuts")


def schema_valid(evidence: Evidence) -> Claim:
    """Every record on the score topic fits the schema."""
    bad = evidence.invalid
    detail = f"{len(bad)} do not, the first: {bad[0]}" if bad else "all do"
    return Claim("scores fit their schema", not bad and bool(evidence.scores), detail)


def nothing_lost(evidence: Evidence) -> Claim:
    """The view read every score that was written."""
    return Claim("every score was read", not evidence.lost, f"{evidence.lost} missed")


def everybody_scored(evidence: Evidence) -> Claim:
    """At each cut everyone at risk has a score, the quiet ones too."""
    scored: dict[int, set[str]] = {}
    for score in evidence.scores:
        scored.setdefault(score.time, set()).add(score.user)
    due = {t: users for t, users in evidence.at_risk.items() if t in scored}
    missing = [(t, user) for t in sorted(due) for user in sorted(due[t] - scored[t])]
    total = sum(map(len, due.values()))
    detail = f"{len(missing)} of {total:,} scores missing"
    some = ", ".join(f"{user} on day {day_of(t):.0f}" for t, user in missing[:NAMED])
    return Claim(
        "everyone at risk is scored",
        bool(total) and not missing,
        f"{detail}, among them {some}" if missing else detail,
    )


def model_learned(evidence: Evidence) -> Claim:
    """Snapshots of the trainer were taken into use by the scorer."""
    newest = max((s.version for s in evidence.scores), default=0)
    ok = newest >= 1 and evidence.labels >= LEAST_LABELS
    return Claim(
        "the model learns", ok, f"version {newest} in use, {evidence.labels:,} examples learned"
    )


def better_than_chance(evidence: Evidence) -> Claim:
    """Emitted scores of the learned model rank churners above the others."""
    q = evidence.quality
    if q.auc is None or q.oracle is None:
        return Claim("AUC above chance", False, "no matured scores of both classes")
    least = max(LEAST_AUC, 0.5 + SIGNIFICANT * q.standard_error)
    detail = f"{q.auc:.3f}, at least {least:.3f} wanted; oracle {q.oracle:.3f}"
    return Claim("AUC above chance", q.auc >= least, detail)


def stalled_in_cut(evidence: Evidence) -> Claim:
    """While a source is cut, scores say ``stalled`` and what was done about it."""
    span = _span(evidence)
    if span is None:
        return Claim("a cut source is stalled", False, "no source was cut")
    since = span.start + evidence.stale_after
    wanted = _between(evidence, since, span.end)
    return _all_are("a cut source is stalled", wanted, span, "stalled", treated=True)


def fresh_after_restore(evidence: Evidence) -> Claim:
    """After the restore, scores say ``fresh`` again and evaluate the source at the cut itself."""
    span = _span(evidence)
    if span is None or span.end is None:
        return Claim("a restored source is fresh", False, "no source was restored")
    again = min(
        (s.start for s in evidence.spans if s.source == span.source and s.start >= span.end),
        default=None,
    )
    wanted = _between(evidence, span.end + SETTLING, again)
    return _all_are("a restored source is fresh", wanted, span, "fresh", treated=False)


def no_duplicates(evidence: Evidence) -> Claim:
    """One id for each user, cut and cause; records with the same id say the same."""
    content: dict[str, bytes] = {}
    ids: dict[tuple[str, int, str], str] = {}
    repeated, changed, doubled = 0, 0, 0
    for score in evidence.scores:
        repeated += score.id in content
        changed += content.setdefault(score.id, score.digest) != score.digest
        doubled += ids.setdefault((score.user, score.time, score.cause), score.id) != score.id
    detail = f"{repeated} repeated, of them {changed} changed; {doubled} with a second id"
    return Claim("no duplicates beyond equal ids", not changed and not doubled, detail)


def dead_letters_expected(evidence: Evidence) -> Claim:
    """The records that were damaged on purpose were rejected for the right reasons; no others."""
    dead = Counter(evidence.dead)
    extra, missing = dead - Counter(evidence.damaged), Counter(evidence.due) - dead
    if extra or missing:
        detail = f"unexpected: {dict(extra)}, missing: {dict(missing)}"
    else:
        detail = f"{dead.total()} dead letters, each for a record damaged on purpose"
    return Claim("only damaged records are rejected", not extra and not missing, detail)


CLAIMS: tuple[Callable[[Evidence], Claim], ...] = (
    scores_flow,
    schema_valid,
    nothing_lost,
    everybody_scored,
    model_learned,
    better_than_chance,
    stalled_in_cut,
    fresh_after_restore,
    no_duplicates,
    dead_letters_expected,
)


def judge(evidence: Evidence) -> list[Claim]:
    """Judge all claims, in the order in which the demo makes them."""
    return [claim(evidence) for claim in CLAIMS]


def stalled_scores(evidence: Evidence) -> int:
    """How many scores said that some cut source was stalled."""
    names = {span.source for span in evidence.spans}
    return sum(any(s.states[n][0] == "stalled" for n in names) for s in evidence.scores)


def _span(evidence: Evidence) -> FaultSpan | None:
    """The first span that was long enough to be noticed; else the first."""
    spans = evidence.spans
    noticed = (s for s in spans if s.end is None or s.end - s.start > evidence.stale_after)
    return next(noticed, spans[0] if spans else None)


def _between(evidence: Evidence, after: int, before: int | None) -> list[SeenScore]:
    return [s for s in evidence.scores if after < s.time and (before is None or s.time < before)]


def _all_are(
    name: str, scores: list[SeenScore], span: FaultSpan, health: str, *, treated: bool
) -> Claim:
    seen = Counter(s.states.get(span.source, ("missing", "missing")) for s in scores)
    wanted = [s for s in seen if s[0] == health and (s[1] != "current") == treated]
    counts = {treatment: seen.pop((health, treatment)) for health, treatment in wanted}
    right, how = sum(counts.values()), " or ".join(sorted(counts)) or "nothing"
    detail = f"{right:,} scores say {span.source} is {health} / {how}"
    others = ", ".join(f"{n:,} {'/'.join(state)}" for state, n in seen.items())
    when = f" (cut on day {day_of(span.start):.1f})"
    return Claim(name, right > 0 and not seen, detail + when + (f"; but {others}" if seen else ""))

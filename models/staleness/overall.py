"""A source over all its partitions: what the statistics of each say together.

A partition that is idle (it never had data, or is quiet as usual) neither holds the source's
watermark back nor counts as late when it wakes: it is left out, and the watermark of the whole
never goes back. Where others did this by a timeout it went wrong: a wall clock declares a slow
partition idle (FLINK-25982), a waking one is late at once (FLINK-32496), one that is blocked counts
as idle (FLINK-40475). Here idle means quiet by the partition's OWN cadence, and late is told from
the delay of what came, not from how long ago that was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from models.staleness.sketch import Sketch
from models.staleness.words import duration, probability
from schemas.scores import Health
from schemas.sources import Later, Missing, SourceOverall, SourceStatus
from schemas.times import parse_time

BADNESS: tuple[Health, ...] = ("unknown", "fresh", "lagging", "stalled", "corrupt")
UNREPORTED_S = 300.0
"""A partition whose worker has said nothing for so long is named."""
_POOLED = 1e-6
"""Below this the silence of all partitions together is no chance."""


def overall(
    partitions: Sequence[SourceStatus], before: SourceOverall | None, now: str
) -> SourceOverall:
    """Merge the newest record of each partition (one or more) of one source.

    before: what was said last, so that nothing goes back. now: wall clock.
    """
    seen = sorted((one for one in partitions if one.health != "unknown"), key=_number)
    idle = [one for one in partitions if one.health == "unknown" or _is_quiet(one)]
    health, p = _health(seen)
    affected = [one for one in seen if one.health != "fresh"]
    mark = _watermark(seen, idle, before)
    clock = _latest(one.clock for one in partitions)
    silences = [one.silence.seconds for one in seen if one.silence.seconds is not None]
    delays = Sketch()
    for one in seen:
        delays.merge(Sketch(list(one.delays.buckets), list(one.delays.weights)))
    kept = before is not None and before.health == health
    return SourceOverall(
        app=partitions[0].app,
        source=partitions[0].source,
        topic=partitions[0].topic,
        health=health,
        evidence=_evidence(seen, affected, health, p),
        clock=clock,
        watermark=mark,
        last_data=_latest(one.last_data for one in seen),
        staleness_s=_staleness(seen, idle),
        usual_lag_s=_median([one.delays.usual_s for one in seen if one.delays.usual_s is not None]),
        silence_s=min(silences, default=None),
        p=p,
        partitions=len(partitions),
        affected=[one.partition for one in affected],
        idle=sorted(one.partition for one in idle),
        unreported=sorted(one.partition for one in partitions if _age(one, now) > UNREPORTED_S),
        missing=_missing(seen),
        later=max((one.later for one in seen if one.later), key=_share, default=None),
        corrupt_since=min(
            (one.corrupt_since for one in seen if one.corrupt_since), key=parse_time, default=None
        ),
        delay_p50_s=delays.quantile(0.5),
        delay_p95_s=delays.quantile(0.95),
        events=sum(one.events for one in partitions),
        late=sum(one.late for one in partitions),
        rejected=sum(sum(one.rejected.values()) for one in partitions),
        since=before.since if before is not None and kept else clock,
        emitted_at=now,
        cost_missing=None if before is None else before.cost_missing,
        cost_late=[] if before is None else before.cost_late,
    )


def differs(one: SourceOverall, other: SourceOverall | None) -> bool:
    """Whether something has changed that somebody should be told at once."""
    if other is None:
        return True
    told = ("health", "affected", "missing", "unreported", "corrupt_since", "partitions")
    changed = any(getattr(one, name) != getattr(other, name) for name in told)
    return changed or (one.later is None) != (other.later is None)


def _share(one: Later) -> float:
    return one.share


def _number(one: SourceStatus) -> int:
    return one.partition


def _is_quiet(one: SourceStatus) -> bool:
    """Fresh though its watermark is old: nothing has come, and that is usual."""
    staleness, bound = one.staleness_s, one.stale_after_s
    return one.health == "fresh" and None not in (staleness, bound) and staleness > bound  # type: ignore[operator]  # neither is None


def _health(seen: Sequence[SourceStatus]) -> tuple[Health, float | None]:
    """Health of the whole, and P(so much silence in all partitions with data)."""
    chances = [one.silence.p for one in seen if one.silence.p is not None]
    p = _together(chances) if chances else None
    ranks = sorted((BADNESS.index(one.health) for one in seen), reverse=True)
    if not ranks:
        return "unknown", None
    worst, half = BADNESS[ranks[0]], BADNESS[ranks[(len(ranks) - 1) // 2]]
    if worst == "corrupt":
        return "corrupt", p
    pooled = p is not None and p < _POOLED and len(chances) == len(seen)
    return ("stalled" if pooled else half), p


def _together(chances: Sequence[float]) -> float:
    """One probability of several, however they depend on each other: twice their mean.

    One job often feeds all partitions, and then the silence of sixteen proves no more than that of
    one. And all of them have to be silent: with one that speaks the mean is not small.

    Rüschendorf: "Random variables with maximum sums", Advances in Applied Probability 14 (1982);
    Vovk and Wang: "Combining p-values via averaging", Biometrika 107 (2020).
    """
    if len(chances) == 1:
        return chances[0]
    return min(1.0, 2 * sum(chances) / len(chances))


def _watermark(
    seen: Sequence[SourceStatus], idle: Sequence[SourceStatus], before: SourceOverall | None
) -> str | None:
    quiet = {one.partition for one in idle}
    awake = [one.watermark for one in seen if one.partition not in quiet and one.watermark]
    mark = min(awake, key=parse_time) if awake else _latest(one.watermark for one in seen)
    return _latest([mark, before.watermark if before is not None else None])


def _staleness(seen: Sequence[SourceStatus], idle: Sequence[SourceStatus]) -> float | None:
    """Of the worst partition that is not idle; each by its own clock.

    Where all are idle, of the one that is quiet for the shortest time. Clocks of partitions lie
    apart in a replay, and where a worker is behind: that is no lateness of the source.
    """
    quiet = {one.partition for one in idle}
    known = [(one.partition in quiet, one.staleness_s) for one in seen]
    awake = [s for is_quiet, s in known if s is not None and not is_quiet]
    return max(awake) if awake else min((s for _, s in known if s is not None), default=None)


def _evidence(
    seen: Sequence[SourceStatus], affected: Sequence[SourceStatus], health: Health, p: float | None
) -> str:
    if not seen:
        return "never seen"
    if health == "stalled" and len(affected) < len(seen):
        least = min(one.silence.seconds or 0.0 for one in seen)
        if p is not None and p < _POOLED:
            return f"silent for {duration(least)} in all partitions together ({probability(p)})"
    worst = max(seen, key=_urgency)
    counts = sorted(Counter(one.health for one in affected).items(), key=_badness, reverse=True)
    if not counts or counts == [(worst.health, len(seen))]:
        return worst.evidence
    (first, number), *others = counts
    said = [f"{number} of {len(seen)} partitions {first}", *(f"{n} {name}" for name, n in others)]
    return f"{', '.join(said)}: {worst.evidence}"


def _badness(counted: tuple[Health, int]) -> int:
    return BADNESS.index(counted[0])


def _urgency(one: SourceStatus) -> tuple[int, bool, bool, float]:
    """Which partition's evidence is told for all."""
    known = one.last_data is not None
    return BADNESS.index(one.health), one.later is not None, known, one.staleness_s or 0.0


def _missing(seen: Sequence[SourceStatus]) -> list[Missing]:
    """Each part that is gone in any partition, since it was first missed."""
    first: dict[tuple[str, str], Missing] = {}
    for part in (part for one in seen for part in one.missing):
        known = first.get((part.of, part.what))
        if known is None or parse_time(part.since) < parse_time(known.since):
            first[part.of, part.what] = part
    return [first[key] for key in sorted(first)]


def _median(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None


def _age(one: SourceStatus, now: str) -> float:
    return (parse_time(now) - parse_time(one.emitted_at)) / 1e6


def _latest(times: Iterable[str | None]) -> str | None:
    return max((time for time in times if time), key=parse_time, default=None)

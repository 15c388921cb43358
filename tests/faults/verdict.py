"""What is lost, what is counted twice, which duplicates nobody could recognise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.observed import Observed, UserState
from tests.faults.truth import Truth
from tests.models.engine.oracle import User
from tests.models.engine.test_against_oracle import readable, same

LATER = ("emitted_at", "rejected_at")
"""When a record was sent: the only thing in which two of the same id may differ."""


@dataclass(slots=True)
class Verdict:
    """Findings by what is wrong with them; all empty when nothing is.

    repeats: records with an id and a content already seen, which consumers can drop.
    """

    lost: list[str] = field(default_factory=list)
    counted_twice: list[str] = field(default_factory=list)
    unrecognisable: list[str] = field(default_factory=list)
    repeats: int = 0

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.counted_twice or self.unrecognisable)

    def __str__(self) -> str:
        """The first findings of each kind."""
        parts = []
        for name in ("lost", "counted_twice", "unrecognisable"):
            findings = getattr(self, name)
            parts += [f"{name}: {len(findings)}", *(f"  {one}" for one in findings[:8])]
        return "\n".join(parts)


def judge(truth: Truth, observed: Observed) -> Verdict:
    """Compare everything that is there with everything that must be."""
    verdict = Verdict()
    scores = _unique(observed.scores, "score", verdict)
    wanted = {identity: score["cause"] for identity, score in truth.scores.items()}
    _presence(scores, wanted, "score", verdict)
    for identity in scores.keys() & wanted.keys():
        if not same(readable(scores[identity]), truth.scores[identity]):
            found = f"score {readable(scores[identity])} is not {truth.scores[identity]}"
            verdict.lost.append(found)
    letters = _unique(observed.letters, "dead letter", verdict)
    _presence(letters, truth.letters, "dead letter", verdict)
    for identity in letters.keys() & truth.letters.keys():
        if letters[identity]["reason"] != truth.letters[identity]:
            verdict.lost.append(f"dead letter {identity} says {letters[identity]['reason']}")
    _examples(truth, observed, verdict)
    _users(truth, observed, verdict)
    _counts(truth, observed, verdict)
    return verdict


def _unique(records: Iterable[dict[str, Any]], what: str, verdict: Verdict) -> dict[str, Any]:
    """Records by id; a second one of an id must say the same."""
    found: dict[str, Any] = {}
    for record in records:
        content = {name: value for name, value in record.items() if name not in LATER}
        first = found.setdefault(record["id"], content)
        if first is content:
            continue
        verdict.repeats += 1
        if first != content:
            verdict.unrecognisable.append(f"{what} {record['id']}: {content} after {first}")
    return found


def _presence(found: dict[str, Any], wanted: dict[str, Any], what: str, verdict: Verdict) -> None:
    for identity in wanted.keys() - found.keys():
        verdict.lost.append(f"{what} {identity} ({wanted[identity]}) is missing")
    for identity in found.keys() - wanted.keys():
        verdict.unrecognisable.append(f"{what} {identity} should not be: {found[identity]}")


def _examples(truth: Truth, observed: Observed, verdict: Verdict) -> None:
    """Examples as they must be, behind none of their epoch's markers; every marker there."""
    kinds = [record for record in observed.examples if record["kind"] == "example"]
    found, wanted = _unique(kinds, "example", verdict), truth.examples
    _presence(found, {identity: e["time"] for identity, e in wanted.items()}, "example", verdict)
    for identity in found.keys() & wanted.keys():
        record = {name: found[identity][name] for name in wanted[identity]}
        if not same(record, wanted[identity]):
            verdict.lost.append(f"example {record} is not {wanted[identity]}")
    markers = {(r["partition"], r["epoch"]) for r in observed.examples if r["kind"] == "epoch_end"}
    due = {(n, epoch) for n, oracle in enumerate(truth.oracles) for epoch in oracle.markers}
    verdict.lost += [f"end of epoch {marker} is missing" for marker in due - markers]
    verdict.unrecognisable += [f"end of epoch {marker} should not be" for marker in markers - due]
    closed, known = set[tuple[int, int]](), set[str]()
    for record in observed.examples:
        place = (record["partition"], record["epoch"])
        if record["kind"] == "epoch_end":
            closed.add(place)
        elif record["id"] not in known:
            known.add(record["id"])
            if place in closed:
                verdict.lost.append(f"example {record['id']} came behind its epoch's end")


def _users(truth: Truth, observed: Observed, verdict: Verdict) -> None:
    wanted = truth.users
    verdict.lost += [f"user {name} is missing" for name in wanted.keys() - observed.users.keys()]
    extra = observed.users.keys() - wanted.keys()
    verdict.counted_twice += [f"user {name} should be forgotten" for name in extra]
    applied = {name: places for oracle in truth.oracles for name, places in oracle.applied.items()}
    for name in sorted(wanted.keys() & observed.users.keys()):
        state = observed.users[name]
        newest = [-1] * len(truth.spec.sources)
        for source, offset in applied[name]:
            newest[source] = max(newest[source], offset)
        for finding, above in _differences(truth, wanted[name], state, newest):
            (verdict.counted_twice if above else verdict.lost).append(f"user {name}: {finding}")


def _differences(
    truth: Truth, user: User, state: UserState, newest: list[int]
) -> Iterator[tuple[str, bool]]:
    """What differs in one user's state, and whether there is too much of it."""
    if state.pending != [cut.time for cut in user.pending]:
        yield f"waiting cuts {state.pending}", False
    if any(found < due for found, due in zip(state.offsets, newest, strict=True)):
        yield f"applied offsets {state.offsets} are not {newest}", False
    for moment, vector in zip(truth.moments(), state.vectors, strict=True):
        pairs = zip(truth.spec.features, vector, truth.vector(user, moment), strict=True)
        for feature, found, due in pairs:
            if not _equal(found, due):
                above = feature.agg in ("count", "sum") and found > due
                yield f"{feature.name} as of {moment} is {found}, not {due}", above


def _equal(found: float, wanted: float) -> bool:
    if math.isnan(found) or math.isnan(wanted):
        return math.isnan(found) and math.isnan(wanted)
    return same(found, wanted)


def _counts(truth: Truth, observed: Observed, verdict: Verdict) -> None:
    """The partition records: clocks, and how many records of each kind there were."""
    for number, oracle in enumerate(truth.oracles):
        record = observed.records.get(number)
        if record is None:
            verdict.lost.append(f"partition {number} has no record")
            continue
        if record.clock != oracle.clock or record.sweep is not None:
            verdict.lost.append(f"partition {number}: clock {record.clock}, not {oracle.clock}")
        for source, state, seen in zip(
            truth.spec.sources, record.sources, oracle.clocks, strict=True
        ):
            found = Counter(
                used=state.events,
                repeats=state.duplicates,
                heartbeats=state.heartbeats,
                disordered=state.disordered,
                **state.rejected,
            )
            due = Counter(
                used=seen.events,
                repeats=seen.duplicates,
                heartbeats=seen.heartbeats,
                **seen.rejected,
            )
            place = f"partition {number}, {source.name}"
            verdict.counted_twice += [
                f"{place}: {n} too many {what}" for what, n in (found - due).items()
            ]
            verdict.lost += [f"{place}: {n} too few {what}" for what, n in (due - found).items()]

"""Who scores: what makes one model follow another, and what is written down about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from schemas.examples import ModelRequest
from schemas.snapshots import Decider, Paired, Reign
from schemas.times import format_duration

KEPT_VERSIONS = 24
"""Newest versions of each model whose payloads are kept: what a rollback can go back to."""

Versions = Mapping[str, int]
"""Newest version of each model in training."""


def at_the_end(reign: Reign, versions: Versions) -> Reign:
    """The reign after an epoch in which nothing was decided: the champion's newest version."""
    return reign if reign.pinned else replace(reign, version=versions[reign.name])


def without_the_lost(reign: Reign, first: str, versions: Versions, epoch: int) -> Reign:
    """The reign once the configuration has lost its champion: back to the first model."""
    if reign.name in versions:
        return reign
    lost = f"the configuration has no model {reign.name!r} any more"
    return _follow(reign, (first, None), epoch, "configuration", lost, versions)


def carry_out(
    reign: Reign,
    request: ModelRequest,
    offset: int,
    epoch: int,
    versions: Versions,
    impossible: str | None = None,
) -> tuple[Reign, str | None]:
    """The reign after a request that stands at that offset; and why it was refused, if it was.

    impossible: why it cannot be carried out, whatever the reign.
    """
    refusal = impossible or objection(reign, request, versions)
    if refusal is None:
        reign = _obey(reign, request, epoch, versions)
    return replace(reign, requests=offset), refusal


def objection(reign: Reign, request: ModelRequest, versions: Versions) -> str | None:
    """Why a request cannot be carried out; None if it can."""
    if request.before is not None:
        return None
    name = request.model or reign.name
    newest = versions.get(name)
    if newest is None:
        return f"there is no model {name!r} in training; there are: {', '.join(versions)}"
    if request.action == "promote":
        return None if newest else f"model {name!r} has learned nothing yet"
    if request.version is None:
        if reign.before is None or request.model is not None:
            return "there is no champion before this one; say which version to go back to"
        before, name = reign.before_pinned, reign.before
        if name not in versions:
            return f"the champion before, {name!r}, is not in training any more"
        return None if before is None else _not_kept(name, before, versions[name], reign)
    return _not_kept(name, request.version, newest, reign)


def promote_by_evidence(reign: Reign, epoch: int, versions: Versions, every: int) -> Reign:
    """The best of the challengers that are better beyond doubt becomes champion.

    every: length of a block, microseconds.
    """
    best = better(reign.evidence)
    if best is None or reign.held or reign.pinned:
        return reign
    reason = said(best, reign.name, every)
    return _follow(reign, (best.model, None), epoch, "evidence", reason, versions)


def better(evidence: Sequence[Paired]) -> Paired | None:
    """The challenger with the largest lower bound of its advantage, if that is above zero."""
    proven = [one for one in evidence if one.lower is not None and one.lower > 0.0]
    return max(proven, key=lambda one: (one.lower or 0.0, one.model), default=None)


def said(paired: Paired, champion: str, every: int) -> str:
    """The evidence in words."""
    return (
        f"{paired.model}'s log loss is lower than {champion}'s by {paired.mean:.5f} nats "
        f"(confidence sequence {paired.lower:.5f} to {paired.upper:.5f}; "
        f"{paired.blocks} blocks of {format_duration(every)}, {paired.examples} examples)"
    )


def _not_kept(name: str, version: int, newest: int, reign: Reign) -> str | None:
    kept = max(newest - KEPT_VERSIONS + 1, 1)
    if (name, version) == (reign.name, reign.version) or kept <= version <= newest:
        return None
    return f"version {version} of {name!r} is not kept; there are {kept} to {newest}"


def _obey(reign: Reign, request: ModelRequest, epoch: int, versions: Versions) -> Reign:
    note = f"{request.action} asked for at {request.asked_at}"
    reason = f"{note}: {request.note}" if request.note else note
    if request.before is not None:
        return _without_later_evidence(reign, request.before, epoch, reason, versions)
    whom = request.model or reign.name, request.version
    if request.action == "rollback" and request.version is None:
        whom = reign.before or reign.name, reign.before_pinned
    after = _follow(reign, whom, epoch, "request", reason, versions)
    return replace(after, held=request.action == "rollback")


def _without_later_evidence(
    reign: Reign, before: int, epoch: int, reason: str, versions: Versions
) -> Reign:
    """All evidence since then may come from wrong data: so may what it has decided."""
    by_it = reign.by == "evidence" and reign.since > before
    if by_it and reign.before is not None and reign.before in versions:
        whom = reign.before, reign.before_pinned
        return _follow(reign, whom, epoch, "request", reason, versions)
    return replace(reign, evidence=())


def _follow(
    reign: Reign,
    whom: tuple[str, int | None],
    epoch: int,
    by: Decider,
    reason: str,
    versions: Versions,
) -> Reign:
    """Another champion, or another version of it (None: its newest, always).

    Evidence is about a champion, so it begins anew.
    """
    name, pinned = whom
    return Reign(
        name=name,
        version=versions[name] if pinned is None else pinned,
        pinned=pinned is not None,
        since=epoch,
        by=by,
        reason=reason,
        before=reign.name,
        before_pinned=reign.version if reign.pinned else None,
        requests=reign.requests,
        relearned=reign.relearned,
    )

"""Checks of scoring, model, learning and worker."""

from __future__ import annotations

from itertools import pairwise

from models.spec import ModelSpec
from schemas.times import MINUTE, SECOND, format_time
from streams.config.checks.common import check_on_grid, check_source_names
from streams.config.document import ChallengerDoc, MemberDoc, ModelDoc, ScheduleDoc
from streams.config.problems import Problems, did_you_mean
from streams.config.reading import Draft

MODEL_KINDS = (
    "arf",
    "boosted",
    "forgetting",
    "hat",
    "logistic",
    "mixture",
    "refitted",
    "river_logistic",
)
"""Keys of `models.learning.factory.MAKERS`, which is slow to import."""
MEMBER_KINDS = tuple(kind for kind in MODEL_KINDS if kind != "mixture")


def check_scores(draft: Draft, problems: Problems) -> None:
    """Something triggers scores, on the grid; the bands ascend from 0."""
    doc = draft.scores
    if doc is None:
        return
    if doc.schedule is None and doc.on_event is None:
        problems.add(
            "scores.schedule",
            "Nothing says when users are scored.",
            'Write schedule = { every = "1d" } (the quiet users are scored too), '
            'or on_event = { min_interval = "1m" }, or both.',
        )
    if doc.schedule is not None:
        _check_schedule(draft, doc.schedule, problems)
    if doc.on_event is not None and doc.on_event.sources is not None:
        known = [name for name in draft.sources if name not in draft.outcome_sources]
        key = "scores.on_event.sources"
        check_source_names(draft, problems, key, doc.on_event.sources, known)
    _check_bands(doc.bands, problems)
    if doc.reasons_from is not None and doc.reasons_from not in doc.bands:
        wrong = f'There is no band "{doc.reasons_from}".'
        problems.add("scores.reasons_from", wrong, did_you_mean(doc.reasons_from, doc.bands))


def _check_schedule(draft: Draft, doc: ScheduleDoc, problems: Problems) -> None:
    check_on_grid(draft, problems, "scores.schedule.every", doc.every)
    if draft.grid is not None and doc.anchor % draft.grid:
        floor = doc.anchor // draft.grid * draft.grid
        problems.add(
            "scores.schedule.anchor",
            f"{format_time(doc.anchor)} is not on the grid, whose points are multiples of "
            "app.grid since 1970-01-01T00:00:00Z.",
            f"Use {format_time(floor)} or {format_time(floor + draft.grid)}.",
        )


def _check_bands(bands: dict[str, float], problems: Problems) -> None:
    example = "Write e.g. { low = 0.0, medium = 0.1, high = 0.3 }."
    bounds = list(bands.values())
    if not bounds or bounds[0] != 0:
        problems.add("scores.bands", "The first band does not begin at 0.", example)
    elif any(lower >= upper for lower, upper in pairwise(bounds)):
        problems.add("scores.bands", "The bounds do not ascend.", example)
    elif bounds[-1] >= 1:
        problems.add("scores.bands", f"No probability is {bounds[-1]:g} or more.", example)


def check_model(draft: Draft, problems: Problems) -> None:
    """The kinds of models are known, and take the params; no two have one name."""
    if draft.model is not None:
        _check_whole(draft.model, "model", problems)
    for name, doc in draft.challengers.items():
        if draft.model is not None and name == draft.model.name:
            wrong = f'The model of [model] is called "{name}" too.'
            problems.add(f"challengers.{name}", wrong, "Give the challenger another name.")
        if doc is not None:
            _check_whole(doc, f"challengers.{name}", problems)


def _check_whole(doc: ModelDoc | ChallengerDoc, key: str, problems: Problems) -> None:
    _check_kind(doc, key, problems, MODEL_KINDS)
    if doc.members and doc.kind != "mixture":
        wrong = f'A model of kind "{doc.kind}" has no members.'
        problems.add(f"{key}.members", wrong, 'Write kind = "mixture", or leave the members out.')
        return
    for number, member in enumerate(doc.members):
        _check_kind(member, f"{key}.members[{number}]", problems, MEMBER_KINDS)


def _check_kind(
    doc: ModelDoc | ChallengerDoc | MemberDoc, key: str, problems: Problems, kinds: tuple[str, ...]
) -> None:
    imported = ":" in doc.kind
    if doc.kind not in kinds and not imported:
        wrong = f'There is no kind of model "{doc.kind}"'
        wrong += " that could be a member." if doc.kind in MODEL_KINDS else "."
        problems.add(f"{key}.kind", wrong, did_you_mean(doc.kind, kinds))
    elif doc.params or imported:
        _check_makes(doc, f"{key}.kind" if imported else f"{key}.params", problems)


def _check_makes(doc: ModelDoc | ChallengerDoc | MemberDoc, key: str, problems: Problems) -> None:
    from models.learning.factory import make_model

    try:
        make_model(ModelSpec(kind=doc.kind, params=(*doc.params.items(),)), ())
    except (TypeError, ValueError) as error:
        remedy = "Leave the params out, unless you know the model's parameters."
        problems.add(key, f"{error}.", remedy)


def check_learning(draft: Draft, problems: Problems) -> None:
    """Examples are taken at cuts; segments are told apart by features."""
    if draft.learning is None:
        return
    check_on_grid(draft, problems, "learning.example_every", draft.learning.example_every)
    names = draft.learning.segments
    known = [feature.name for feature in draft.features if feature is not None]
    for name in [name for name in names if name not in known]:
        remedy = did_you_mean(name, known, "declared")
        problems.add("learning.segments", f'There is no feature "{name}".', remedy)
    if len(set(names)) < len(names):
        problems.add("learning.segments", "A feature is named twice.", "Name each once.")


def check_worker(draft: Draft, problems: Problems) -> None:
    """The session timeout lies in the range that brokers accept."""
    if draft.worker is None:
        return
    if not 6 * SECOND <= draft.worker.session_timeout <= 30 * MINUTE:
        problems.add(
            "worker.session_timeout",
            "Brokers accept 6s to 30m (group.min.session.timeout.ms, …max…).",
            'Use "45s", unless a batch takes very long.',
        )

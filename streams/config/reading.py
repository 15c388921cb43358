"""From TOML to the parts of a configuration that can be read, noting those that cannot.

A broken key is set aside and the rest of its section is read without it, so that the checks
between sections still see as much as possible: all problems are to be reported at once.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from streams.config.document import (
    AppDoc,
    ChallengerDoc,
    Document,
    FeatureDoc,
    HealthDoc,
    LabelsDoc,
    LearningDoc,
    ModelDoc,
    PolicyDoc,
    PopulationDoc,
    ScoresDoc,
    Section,
    SourceDoc,
    TopicsDoc,
    WorkerDoc,
)
from streams.config.explain import explain
from streams.config.problems import Problems, did_you_mean
from streams.config.values import BadValue, name_of

S = TypeVar("S", bound=Section)
Raw = Mapping[str, Any]

_OPTIONAL: dict[str, type[Section]] = {
    "population": PopulationDoc,
    "model": ModelDoc,
    "learning": LearningDoc,
    "health": HealthDoc,
    "policy": PolicyDoc,
    "topics": TopicsDoc,
    "worker": WorkerDoc,
}
_EXAMPLES = {
    "app": '[app] with name = "my-app".',
    "sources": "one for each topic of events, e.g. [sources.usage].",
    "features": "one for each number that the model sees, each headed [[features]].",
    "labels": '[labels] with rule = "outcome" and horizon = "28d".',
    "scores": '[scores] with schedule = { every = "1d" }.',
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration as far as it can be read; None stands for what cannot.

    grid: None also where the grid itself is wrong. declared: names of each source's fields,
    broken ones included.
    """

    grid: int | None
    app: AppDoc | None
    sources: dict[str, SourceDoc | None]
    declared: dict[str, frozenset[str]]
    features: list[FeatureDoc | None]
    labels: LabelsDoc | None
    scores: ScoresDoc | None
    population: PopulationDoc | None
    model: ModelDoc | None
    challengers: dict[str, ChallengerDoc | None]
    learning: LearningDoc | None
    health: HealthDoc | None
    policy: PolicyDoc | None
    topics: TopicsDoc | None
    worker: WorkerDoc | None

    @property
    def outcome_sources(self) -> list[str]:
        """Names of the sources that carry outcomes."""
        return [name for name, doc in self.sources.items() if doc and doc.outcome is not None]


def read(raw: Raw, problems: Problems) -> Draft:
    """Read every section, adding what is wrong with each to the problems."""
    _check_sections(raw, problems)
    app = _section(AppDoc, raw.get("app"), "app", problems)
    tables = _tables(raw.get("sources"), "sources", problems)
    return Draft(
        grid=None if app is None or problems.has("app.grid") else app.grid,
        app=app,
        sources={
            name: _named(SourceDoc, f"sources.{name}", name, table, problems)
            for name, table in tables.items()
        },
        declared={name: _field_names(table) for name, table in tables.items()},
        features=_features(raw.get("features"), problems),
        labels=_section(LabelsDoc, raw.get("labels"), "labels", problems),
        scores=_section(ScoresDoc, raw.get("scores"), "scores", problems),
        challengers={
            name: _named(ChallengerDoc, f"challengers.{name}", name, table, problems)
            for name, table in _tables(raw.get("challengers"), "challengers", problems).items()
        },
        **{
            name: _section(model, raw.get(name, {}), name, problems)
            for name, model in _OPTIONAL.items()
        },  # type: ignore[arg-type]  # each name goes with its own model
    )


def _check_sections(raw: Raw, problems: Problems) -> None:
    known = Document.model_fields
    for key in raw:
        if key not in known:
            problems.add(key, "There is no such section.", did_you_mean(key, known))
    for key, example in _EXAMPLES.items():
        if not raw.get(key):
            problems.add(key, "This section is missing or empty.", f"Write {example}")


def _named(model: type[S], key: str, name: str, value: Any, problems: Problems) -> S | None:
    """Read a section that has a name, if that is a legal one."""
    try:
        name_of(name)
    except BadValue as error:
        problems.add(key, error.wrong, error.remedy)
        return None
    return _section(model, value, key, problems)


def _features(value: Any, problems: Problems) -> list[FeatureDoc | None]:
    if value is None:
        return []
    if not isinstance(value, list):
        problems.add("features", "This is one table.", "Head each feature [[features]].")
        return []
    return [
        _section(FeatureDoc, table, f"features[{i}]", problems) for i, table in enumerate(value)
    ]


def _tables(value: Any, key: str, problems: Problems) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.add(key, "This is not a table of tables.", f"Head each one [{key}.NAME].")
        return {}
    return value


def _field_names(table: Any) -> frozenset[str]:
    fields = table.get("fields") if isinstance(table, dict) else None
    return frozenset(fields) if isinstance(fields, dict) else frozenset()


def _section(model: type[S], value: Any, key: str, problems: Problems) -> S | None:
    """Read one section, without the keys that are wrong; None when a required one is."""
    if value is None:
        return None
    if not isinstance(value, dict):
        problems.add(key, f"{value!r} is not a table.", f"Write [{key}] above its keys.")
        return None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        about = f'feature "{value.get("name")}"' if model is FeatureDoc else None
        for item in error.errors():
            if not _is_misspelt(item, error.errors()):
                problem = explain(model, item, key)
                problems.add(problem.key, problem.wrong, problem.remedy, about)
        return _salvage(model, value, [item["loc"] for item in error.errors()])


def _is_misspelt(item: ErrorDetails, all_items: list[ErrorDetails]) -> bool:
    """Whether a key is missing because it stands there in a wrong spelling: said once."""
    if item["type"] != "missing":
        return False
    unknown = [
        str(other["loc"][-1])
        for other in all_items
        if other["type"] == "extra_forbidden" and other["loc"][:-1] == item["loc"][:-1]
    ]
    return bool(difflib.get_close_matches(str(item["loc"][-1]), unknown, n=1))


def _salvage(model: type[S], value: Raw, broken: list[tuple[int | str, ...]]) -> S | None:
    """Read what is left without the broken keys (of a field of a source: without the field)."""
    rest = dict(value)
    if isinstance(rest.get("fields"), dict):
        lost = {loc[1] for loc in broken if loc[0] == "fields" and len(loc) > 1}
        rest["fields"] = {k: v for k, v in rest["fields"].items() if k not in lost}
    for loc in broken:
        if loc[0] != "fields" or len(loc) == 1:
            rest.pop(str(loc[0]), None)
    try:
        return model.model_validate(rest)
    except ValidationError:
        return None

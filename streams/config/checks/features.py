"""Checks of the features: what each aggregate needs, and what it cannot use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.aggregates import BASELINE, CONTEXT, DATED, PERIODIC, WINDOWED
from schemas.times import format_duration
from streams.config.build import period_of
from streams.config.checks.common import check_on_grid
from streams.config.document import FeatureDoc, FieldDoc
from streams.config.problems import Problems, did_you_mean
from streams.config.reading import Draft

NUMERIC = frozenset({"sum", "mean", "min", "max", "std", "last"})
PAIRS = frozenset({"ratio", "trend"}) | BASELINE
"""Aggregates of two windows."""
TOTALS = PAIRS | {"share"}
"""Aggregates of totals: of a field, or of the number of events."""

_OF_TYPES = {
    **dict.fromkeys(NUMERIC | TOTALS, ("number",)),
    **dict.fromkeys(DATED, ("number",)),
    "distinct": ("string", "number"),
    "last_is": ("string", "number", "bool"),
}
_WHERE_TYPES: dict[str, type] = {"number": float, "string": str, "bool": bool}


@dataclass(frozen=True, slots=True)
class _Case:
    """One feature under check."""

    draft: Draft
    problems: Problems
    doc: FeatureDoc
    key: str

    def add(self, name: str, wrong: str, remedy: str) -> None:
        self.problems.add(f"{self.key}.{name}", wrong, remedy, f'feature "{self.doc.name}"')

    def field(self, key: str, name: str) -> FieldDoc | None:
        """Field of the feature's source; None where there is none that can be read."""
        source = self.doc.source
        if source is None or source not in self.draft.sources:
            return None
        declared = self.draft.declared[source]
        if name not in declared:
            wrong = f'The source "{source}" declares no field "{name}".'
            self.add(key, wrong, _field_hint(name, declared, source))
        doc = self.draft.sources[source]
        return doc.fields.get(name) if doc else None


def check_features(draft: Draft, problems: Problems) -> None:
    """Check each feature against its aggregate and its source, and the names of all."""
    first: dict[str, int] = {}
    for i, doc in enumerate(draft.features):
        if doc is None:
            continue
        case = _Case(draft, problems, doc, f"features[{i}]")
        other = first.setdefault(doc.name, i)
        if other != i:
            case.add("name", f"features[{other}] has this name too.", "Give each its own name.")
        _check_source(case)
        field = _check_of(case)
        _check_where(case)
        _check_windows(case)
        _check_values(case, field)
        _check_unit(case)


def _check_source(case: _Case) -> None:
    doc = case.doc
    if doc.agg in CONTEXT:
        for name in ("source", "of", "where"):
            if getattr(doc, name):
                case.add(name, f"{doc.agg} looks at no events.", "Remove it.")
    elif doc.source is None:
        known = ", ".join(sorted(case.draft.sources)) or "(none)"
        case.add("source", f"{doc.agg} needs a source.", f"Name one of: {known}.")
    elif doc.source not in case.draft.sources:
        case.add(
            "source",
            f'There is no source "{doc.source}".',
            did_you_mean(doc.source, case.draft.sources, "declared"),
        )


def _check_of(case: _Case) -> FieldDoc | None:
    """Check ``of``; the field, where it is there and can be read."""
    doc = case.doc
    types = _OF_TYPES.get(doc.agg)
    if types is None:
        if doc.of is not None and doc.agg not in CONTEXT:
            case.add("of", f"{doc.agg} looks at when events happen, not at a field.", "Remove it.")
        return None
    if doc.of is None:
        if doc.agg not in TOTALS:
            case.add("of", f"{doc.agg} needs a field.", 'Name one of the source\'s: of = "…".')
        return None
    field = case.field("of", doc.of)
    if field is not None and field.type not in types:
        case.add(
            "of",
            f'{doc.agg} needs a {" or ".join(types)}, but "{doc.of}" is a {field.type}.',
            "Use another field, or count with `where`.",
        )
    return field


def _check_where(case: _Case) -> None:
    if case.doc.agg in CONTEXT:
        return
    if case.doc.agg == "share" and not case.doc.where:
        case.add(
            "where",
            "share compares some of the events with all of them, but no condition says which.",
            'Add it: where = { type = "…" }.',
        )
    for name, allowed in case.doc.where.items():
        field = case.field(f"where.{name}", name)
        if field is not None:
            _check_equal(case, f"where.{name}", name, field, allowed)


def _check_equal(
    case: _Case, key: str, name: str, field: FieldDoc, allowed: Iterable[object]
) -> None:
    """A field is compared with values of its own type."""
    wanted = _WHERE_TYPES[field.type]
    wrong = [value for value in allowed if type(value) is not wanted]
    if wrong:
        case.add(
            key,
            f'{wrong[0]!r} is never equal to the field "{name}", which is a {field.type}.',
            f"Write {_example(field.type)}.",
        )


def _check_values(case: _Case, field: FieldDoc | None) -> None:
    doc = case.doc
    if doc.agg != "last_is":
        if doc.values is not None:
            case.add("values", f"{doc.agg} asks for no values.", "Remove it, or use where.")
    elif doc.values is None:
        case.add("values", "last_is needs the values that it asks for.", 'Add values = ["…"].')
    elif doc.of is not None and field is not None:
        _check_equal(case, "values", doc.of, field, doc.values)


def _check_unit(case: _Case) -> None:
    doc = case.doc
    if doc.agg in DATED and doc.unit is None:
        case.add(
            "unit",
            f"{doc.agg} needs to know how the field holds a date.",
            'Add unit = "s", "ms" or "us" (numbers since 1970), or "days" (after the event).',
        )
    elif doc.agg not in DATED and doc.unit is not None:
        case.add("unit", f"{doc.agg} looks at no date.", "Remove it.")


def _check_windows(case: _Case) -> None:
    doc, agg = case.doc, case.doc.agg
    if agg in WINDOWED and doc.window is None:
        case.add("window", f"{agg} needs a window.", 'Say how far back: window = "7d".')
    if agg not in WINDOWED and doc.window is not None:
        case.add("window", f"{agg} looks at all of the past, not at a window.", "Remove it.")
    if agg in PAIRS and doc.over is None:
        case.add("over", f"{agg} needs a second, longer window.", 'Add it: over = "28d".')
    if agg not in PAIRS and doc.over is not None:
        case.add("over", f"{agg} has one window at most.", "Remove it, or use ratio or trend.")
    for name in ("window", "over", *(["period"] if agg in PERIODIC else [])):
        about = f'feature "{doc.name}"'
        check_on_grid(case.draft, case.problems, f"{case.key}.{name}", getattr(doc, name), about)
    _check_over(case)
    _check_period(case)


def _check_over(case: _Case) -> None:
    window, over = case.doc.window, case.doc.over
    if not window or not over:
        return
    least = 3 if case.doc.agg == "baseline_z" else 2
    if over <= window:
        case.add(
            "over",
            f"{format_duration(over)} is not longer than the window, {format_duration(window)}.",
            "Compare the window with a longer one.",
        )
    elif case.doc.agg in BASELINE and (over % window or over < least * window):
        case.add(
            "over",
            f"{format_duration(over)} is not the window and {least - 1} or more of the same length "
            f"before it, {format_duration(window)} each.",
            f"Use {format_duration(max(least, round(over / window)) * window)}.",
        )


def _check_period(case: _Case) -> None:
    doc, grid = case.doc, case.draft.grid
    if doc.agg == "user_cycle" and doc.period is None:
        wrong = "user_cycle needs to know how long it is."
        case.add("period", wrong, 'Say after how long it begins anew: period = "365d".')
    if doc.agg not in PERIODIC:
        if doc.agg != "user_cycle" and doc.period is not None:
            case.add("period", f"{doc.agg} does not count in periods.", "Remove it.")
        return
    if grid is None or doc.window is None or doc.window % grid:
        return
    period = period_of(doc, grid)
    if period is None or period % grid:
        return
    if doc.window % period or doc.window < 2 * period:
        case.add(
            "window" if doc.period is None else "period",
            f"The window, {format_duration(doc.window)}, is not two or more periods of "
            f"{format_duration(period)}.",
            f"Use a window of {format_duration(max(2, round(doc.window / period)) * period)}, "
            "or another period.",
        )


def _field_hint(name: str, known: frozenset[str], source: str) -> str:
    if known:
        return did_you_mean(name, known, "declared")
    return f'Declare it: [sources.{source}.fields] {name} = {{ path = "{name}", type = "…" }}.'


def _example(kind: str) -> str:
    return {"number": "a number", "string": 'a string in quotes, "…"', "bool": "true or false"}[
        kind
    ]

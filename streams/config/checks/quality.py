"""Checks of the sources' quality rules: fields that exist, values of their type."""

from __future__ import annotations

from schemas.mapping import FieldType
from streams.config.document import FieldDoc, RuleDoc
from streams.config.problems import Problems, did_you_mean
from streams.config.reading import Draft

_TYPE_OF: dict[type, FieldType] = {str: "string", float: "number", bool: "bool"}


def check_quality(draft: Draft, problems: Problems) -> None:
    """Check each source's rules."""
    for name, doc in draft.sources.items():
        if doc is None:
            continue
        for field, rule in doc.quality.rules.items():
            key = f"sources.{name}.quality.rules.{field}"
            if field not in draft.declared[name]:
                wrong = f'The source "{name}" has no field "{field}".'
                problems.add(key, wrong, did_you_mean(field, draft.declared[name], "declared"))
            elif field in doc.fields:
                _check_rule(doc.fields[field], rule, key, problems)


def _check_rule(field: FieldDoc, rule: RuleDoc, key: str, problems: Problems) -> None:
    if rule == RuleDoc():
        problems.add(
            key, "The rule says nothing.", "Give it min, max, allowed, required or monotone."
        )
    for name in ("min", "max"):
        if getattr(rule, name) is not None and field.type != "number":
            wrong = f'The field is of type "{field.type}"; only numbers have a {name}.'
            problems.add(f"{key}.{name}", wrong, 'Remove it, or use "allowed".')
    if rule.monotone and field.type != "number":
        wrong = f'The field is of type "{field.type}"; only numbers fall.'
        problems.add(f"{key}.monotone", wrong, "Remove it.")
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        wrong = f"{rule.min:g} is above max = {rule.max:g}: every value would be wrong."
        problems.add(f"{key}.min", wrong, "Let min be at most max.")
    for value in rule.allowed or ():
        if _TYPE_OF[type(value)] != field.type:
            wrong = f'{value!r} is no value of the field, which is of type "{field.type}".'
            problems.add(f"{key}.allowed", wrong, f"Name values of type {field.type}.")

"""From what pydantic says about a value to a problem in the words of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from streams.config.document import Section
from streams.config.problems import Problem, did_you_mean
from streams.config.values import BadValue, shown

Loc = tuple[int | str, ...]


def explain(model: type[Section], error: ErrorDetails, key: str) -> Problem:
    """Say what is wrong with one value of a section and what would be right."""
    loc = _without_branches(model, error["loc"])
    place = key + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return Problem(place, *_sentences(model, error, loc))


def _sentences(model: type[Section], error: ErrorDetails, loc: Loc) -> tuple[str, str]:
    parent, name = _model_at(model, loc[:-1]), str(loc[-1])
    about = _description(model, loc)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, BadValue):
        return cause.wrong, cause.remedy or about
    if error["type"] == "extra_forbidden":
        return "There is no such key.", did_you_mean(name, _keys(parent))
    if error["type"] == "missing":
        return "This key is required.", about
    if error["type"] == "literal_error":
        known = re.findall(r"'([^']*)'", str(error["ctx"]["expected"]))
        value = error["input"]
        hint = did_you_mean(value, known) if isinstance(value, str) else f"Known: {known}."
        return f"{shown(value)} is not known here.", hint
    if error["type"] in ("model_type", "dict_type"):
        return f"{shown(error['input'])} is not a table.", f"Write {name} = {{ … }}. {about}"
    said = error["msg"].removeprefix("Input ").removeprefix("String ")
    return f"{shown(error['input'])} {said}.", about


def _keys(model: type[Section] | None) -> list[str]:
    fields = model.model_fields if model else {}
    return [field.alias or name for name, field in fields.items()]


def _description(model: type[Section], loc: Loc) -> str:
    parent = _model_at(model, loc[:-1])
    field = _field(parent, loc[-1]) if parent else None
    if field is None:
        field = _field(model, loc[0])
    return " ".join((field.description or "").split()) if field else ""


def _field(model: type[Section], name: int | str) -> FieldInfo | None:
    for key, field in model.model_fields.items():
        if name == (field.alias or key):
            return field
    return None


def _model_at(model: type[Section], loc: Loc) -> type[Section] | None:
    """Model of the table at a place inside a section; None inside a table of free keys."""
    here: type[Section] | None = model
    parts = iter(loc)
    for part in parts:
        field = _field(here, part) if here else None
        if field is None:
            return None
        here = next(_sections(field.annotation), None)
        if get_origin(field.annotation) is dict:
            next(parts, None)
    return here


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def _without_branches(model: type[Section], loc: Loc) -> Loc:
    """Drop what pydantic adds to a place that is not in the file: union branches, ``[key]``."""
    if _is_union(_field(model, loc[0])):
        return loc[:2] if len(loc) > 1 else loc
    return tuple(part for part in loc if part != "[key]")


def _is_union(field: FieldInfo | None) -> bool:
    """Whether the values of a section's key are a table of scalars of several types."""
    return (
        field is not None
        and get_args(field.annotation)[:1] == (str,)
        and not any(_sections(field.annotation))
    )

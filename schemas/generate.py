"""JSON Schemas of everything that crosses the wire, written to ``schemas/jsonschema/``.

``python -m schemas.generate`` writes them; with ``--check`` it only names those that are stale.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from schemas.deadletters import DeadLetter
from schemas.drift import Prequential
from schemas.examples import EpochEnd, Example, ModelRequest
from schemas.reasons import Reject
from schemas.scores import Score
from schemas.snapshots import Manifest
from schemas.sources import SourceOverall, SourceStatus
from schemas.verdicts import Verdict

FOLDER = Path(__file__).parent / "jsonschema"
RECORDS: dict[str, type] = {
    "score": Score,
    "source_status": SourceStatus,
    "source_overall": SourceOverall,
    "deadletter": DeadLetter,
    "example": Example,
    "epoch_end": EpochEnd,
    "model_request": ModelRequest,
    "manifest": Manifest,
    "prequential": Prequential,
    "verdict": Verdict,
}
_NAMED = re.compile(r"(?:(?<=[.;] )|(?<=^))([a-z_]+(?:, [a-z_]+)*): ")


def json_schema(record: type) -> dict[str, Any]:
    """JSON Schema (2020-12) of a record; unknown fields are allowed, for evolution is additive."""
    schema = TypeAdapter(record).json_schema(mode="validation")
    nested = [part for part in schema.get("$defs", {}).values() if "properties" in part]
    for part in [schema, *nested]:
        _describe(part, _class_named(record, part["title"]))
    if record is DeadLetter:
        schema["properties"]["reason"]["examples"] = sorted(Reject)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def texts() -> dict[str, bytes]:
    """Content of every file by its name."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return {
        f"{name}.json": orjson.dumps(json_schema(record), option=option)
        for name, record in RECORDS.items()
    }


def stale(folder: Path) -> list[str]:
    """Names of files that are missing, differ, or belong to nothing any more."""
    wanted = texts()
    found = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    return sorted(n for n in wanted.keys() | found.keys() if wanted.get(n) != found.get(n))


def write(folder: Path) -> None:
    """Write every file, and remove those that belong to nothing any more."""
    folder.mkdir(exist_ok=True)
    for name in stale(folder):
        (folder / name).unlink(missing_ok=True)
    for name, content in texts().items():
        (folder / name).write_bytes(content)


def field_docs(record: type) -> Iterator[tuple[str, str]]:
    """Pairs of field and description, from a docstring's ``name: text`` and ``a, b: text``."""
    known = {field.name for field in dataclasses.fields(record)}
    for paragraph in inspect.cleandoc(record.__doc__ or "").split("\n\n"):
        for part in re.split(r"\n(?=[a-z_, ]+: )", paragraph):
            text = " ".join(part.split())
            matches = [m for m in _NAMED.finditer(text) if known.issuperset(m[1].split(", "))]
            bounds = [*(m.start() for m in matches), len(text)]
            for match, end in zip(matches, bounds[1:], strict=True):
                description = text[match.end() : end].strip(" ;")
                yield from ((name, description) for name in match[1].split(", "))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale files")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args(arguments)
    if not options.check:
        write(options.folder)
        return 0
    names = stale(options.folder)
    for name in names:
        path = options.folder / name
        sys.stderr.write(f"{path} is stale. Write it anew: python -m schemas.generate\n")
    return 1 if names else 0


def _describe(schema: dict[str, Any], record: type | None) -> None:
    if record is None:
        return
    schema["description"] = inspect.cleandoc(record.__doc__ or "").split("\n\n")[0]
    for name, description in field_docs(record):
        schema["properties"][name]["description"] = description


def _class_named(record: type, title: str) -> type | None:
    """The record itself, or a dataclass of its module."""
    found = getattr(inspect.getmodule(record), title, None)
    return found if isinstance(found, type) and dataclasses.is_dataclass(found) else None


if __name__ == "__main__":
    sys.exit(main())

"""On which line of the TOML text a key stands, found by reading headers and keys line by line.

TOML's own parser keeps no positions. This reads plain layouts; where it loses track (a key
inside a multi-line value) the line of the nearest table around it is given.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from streams.config.problems import Problem

_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")
_LAST_PART = re.compile(r"(\.[^.\[\]]*|\[[0-9]+\])$")


def with_lines(problems: Iterable[Problem], text: str) -> list[Problem]:
    """Give each problem the line of its key, or of the nearest table around it; in that order."""
    lines = _lines(text)
    found = [replace(problem, line=_find(problem.key, lines)) for problem in problems]
    return sorted(found, key=lambda problem: problem.line or 0)


def _find(key: str, lines: dict[str, int]) -> int | None:
    while key:
        if key in lines:
            return lines[key]
        shorter = _LAST_PART.sub("", key)
        key = shorter if shorter != key else ""
    return None


def _lines(text: str) -> dict[str, int]:
    """Map each key of the text to its line, counted from 1."""
    found: dict[str, int] = {}
    table, arrays = "", Counter[str]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _plain(header[2])
            if header[1] == "[[":
                arrays[table] += 1
                table = f"{table}[{arrays[table] - 1}]"
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            path = f"{table}.{_plain(key[1])}" if table else _plain(key[1])
            found.setdefault(path, number)
    return found


def _plain(key: str) -> str:
    return re.sub(r"[\"' ]", "", key)

"""What is wrong with a configuration: every problem with its key, its cause and its remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. ``key``: where it stands, such as ``features[3].window``.

    about: the feature's or source's name where the key does not say it.
    """

    key: str
    wrong: str
    remedy: str
    about: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Two or three lines: where, what is wrong, what would be right."""
        notes = [f"line {self.line}"] if self.line else []
        notes += [self.about] if self.about else []
        place = f"{self.key} ({', '.join(notes)})" if notes else self.key
        return f"{place}\n    {self.wrong}\n    {self.remedy}".rstrip()


class ConfigError(ValueError):
    """A configuration that cannot be used; carries ALL of its problems."""

    def __init__(self, problems: Iterable[Problem], path: Path | None = None) -> None:
        """Keep the problems; the message lists them."""
        self.problems = tuple(problems)
        self.path = path
        count = len(self.problems)
        head = f"{path or 'configuration'}: {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class Problems:
    """A list to add to. What follows from a problem that is already known is left out."""

    def __init__(self) -> None:
        """Begin with none."""
        self._found: list[Problem] = []

    def add(self, key: str, wrong: str, remedy: str, about: str | None = None) -> None:
        """Add a problem, unless the key or something around or inside it has one already."""
        if not self.has(key):
            self._found.append(Problem(key, wrong, remedy, about))

    def has(self, key: str) -> bool:
        """Whether the key, or something around or inside it, has a problem."""
        return any(_touches(problem.key, key) for problem in self._found)

    def __iter__(self) -> Iterator[Problem]:
        """Iterate in the order of finding."""
        return iter(self._found)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._found)


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "known") -> str:
    """Suggest the nearest known name, else list them all.

    >>> did_you_mean("horizn", ["horizon", "rule"])
    'Did you mean "horizon"?'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f'Did you mean "{close[0]}"?'
    return f"{otherwise.capitalize()}: {', '.join(names) or '(none)'}."


def _touches(a: str, b: str) -> bool:
    return a == b or _inside(a, b) or _inside(b, a)


def _inside(inner: str, outer: str) -> bool:
    return inner.startswith((outer + ".", outer + "["))

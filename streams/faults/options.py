"""The settings of a fault as they are written: ``from=2013-05-01T00:00:00Z until=… share=0.5``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.mapping import Path, SourceMapping
from schemas.times import TimeError, parse_duration, parse_time
from streams.faults.parts import Kind, Part, Records, Users
from streams.faults.span import Span


class FaultError(ValueError):
    """A fault that cannot be read. The message says what is wrong and what would be right."""


@dataclass
class Options:
    """Takes settings out one by one; what is left over in the end was never meant.

    kind: of the fault. given: setting → text. mapping: of the source. origin: when the log begins
    (ms), for times such as ``+60d``; None where that is not known.
    """

    kind: str
    given: dict[str, str]
    mapping: SourceMapping
    origin: int | None = None
    asked: list[str] = field(default_factory=list)

    def text(self, name: str, default: str | None = None) -> str:
        """A setting as it stands there. Raises FaultError if it has to be there and is not."""
        self.asked.append(name)
        value = self.given.get(name, default)
        if value is None:
            raise FaultError(f"fault {self.kind}: {name}=… is missing")
        return value

    def duration(self, name: str, default: str | None = None, *, signed: bool = False) -> int:
        """Microseconds."""
        text = self.text(name, default)
        sign, size = (-1, text[1:]) if signed and text.startswith("-") else (1, text)
        try:
            return sign * parse_duration(size)
        except TimeError as error:
            raise FaultError(f"fault {self.kind}: {name}: {error}") from error

    def millis(self, name: str, default: str | None = None) -> int:
        """A duration in milliseconds, rounded up."""
        return -(-self.duration(name, default) // 1000)

    def number(self, name: str, default: str | None = None) -> float:
        """A number."""
        text = self.text(name, default)
        try:
            return float(text)
        except ValueError as error:
            raise FaultError(f"fault {self.kind}: {name}={text} is not a number") from error

    def span(self) -> Span:
        """``from``, ``until``, ``every``; without them always."""
        start, end = self._moment("from"), self._moment("until")
        every = self.millis("every", "") if "every" in self.given else None
        whole = Span()
        span = Span(
            whole.start if start is None else start, whole.end if end is None else end, every
        )
        if span.start >= span.end:
            raise FaultError(f"fault {self.kind}: until must be later than from")
        if every is not None and (start is None or end is None or every < end - start):
            raise FaultError(
                f"fault {self.kind}: every=… repeats what lies between from and until, so both "
                "must be there, and lie no further apart than that"
            )
        self.asked.append("every")
        return span

    def bounded(self) -> Span:
        """A span that must have a beginning and an end."""
        for name in ("from", "until"):
            self.text(name)
        return self.span()

    def part(self) -> Part:
        """``users``, ``records`` (shares) or ``only=FIELD:VALUE``; without them everything."""
        self.asked += ["users", "records", "only", "seed"]
        seed = int(self.number("seed", "1"))
        if "users" in self.given:
            return Users(self._share("users"), seed)
        if "records" in self.given:
            return Records(self._share("records"), seed)
        if "only" in self.given:
            name, _, value = self.given["only"].partition(":")
            return Kind(self._path_of(name), value)
        return Part()

    def path(self) -> Path:
        """``field``: a name of the mapping, or a path into the record."""
        return self._path_of(self.text("field"))

    def value(self) -> Any:
        """``value``: JSON, or a text without quotes."""
        text = self.text("value")
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            return text

    def done(self) -> None:
        """Raise FaultError if a setting was not asked for."""
        for name in self.given.keys() - self.asked:
            near = difflib.get_close_matches(name, self.asked, 1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(self.asked)}."
            raise FaultError(f"fault {self.kind} has no setting {name!r}; {hint}")

    def _share(self, name: str) -> float:
        share = self.number(name)
        if not 0.0 < share <= 1.0:
            raise FaultError(f"fault {self.kind}: {name}={share:g} is no share in (0, 1]")
        return share

    def _path_of(self, name: str) -> Path:
        known = {field.name: field.path for field in self.mapping.fields}
        return known.get(name) or tuple(name.split("."))

    def _moment(self, name: str) -> int | None:
        self.asked.append(name)
        text = self.given.get(name)
        if text is None:
            return None
        if text.startswith("+"):
            if self.origin is None:
                raise FaultError(f"fault {self.kind}: {name}={text}: give a time, not a distance")
            return self.origin + -(-self._parsed(name, text[1:], parse_duration) // 1000)
        return -(-self._parsed(name, text, parse_time) // 1000)

    def _parsed(self, name: str, text: str, parse: Any) -> int:
        try:
            return int(parse(text))
        except TimeError as error:
            raise FaultError(f"fault {self.kind}: {name}={text}: {error}") from error

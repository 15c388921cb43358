"""Times, and stretches of a source's wrong data, as options give them; microseconds."""

from __future__ import annotations

from typing import Any

import click

from schemas.examples import LeftOut
from schemas.times import TimeError, parse_time


class Moment(click.ParamType):
    """An RFC 3339 time."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the option's text."""
        try:
            return parse_time(value)
        except TimeError as error:
            return self.fail(f"{value!r}: {error}", param, ctx)


class Stretch(click.ParamType):
    """``SOURCE=FROM/UNTIL``, or ``SOURCE=FROM`` up to now and on; times as RFC 3339."""

    name = "SOURCE=FROM/UNTIL"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> LeftOut:
        """Read the option's text."""
        source, _, times = value.partition("=")
        begin, _, until = times.partition("/")
        try:
            found = LeftOut(source, parse_time(begin), parse_time(until) if until else None)
        except TimeError as error:
            return self.fail(str(error), param, ctx)
        if not source or (found.until is not None and found.until <= found.begin):
            return self.fail("not SOURCE=FROM/UNTIL with UNTIL after FROM", param, ctx)
        return found

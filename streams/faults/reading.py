"""From words to faults: ``outage from=2013-05-01T00:00:00Z until=2013-05-08T00:00:00Z``."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from schemas.mapping import Path, SourceMapping
from streams.faults.base import Fault
from streams.faults.contents import Nulls, Stuck, Unit
from streams.faults.delay import Delay
from streams.faults.growing import Growing
from streams.faults.options import FaultError, Options
from streams.faults.outage import Outage, PartialOutage
from streams.faults.parts import Part
from streams.faults.repeats import Duplicates, Replayed
from streams.faults.skew import Skew
from streams.faults.span import Span

__all__ = ["KINDS", "FaultError", "read_fault"]


def _delay(options: Options) -> Fault:
    return Delay(options.millis("by"), options.span())


def _growing(options: Options) -> Fault:
    if "every" in options.given:
        raise FaultError("fault growing: every=… is not for what grows")
    rate = options.millis("by") / options.millis("each", "1d")
    return Growing(rate, options.millis("most", "3650d"), _from(options))


def _outage(options: Options) -> Fault:
    order = options.text("order", "sent")
    if order not in ("sent", "newest"):
        raise FaultError(f"fault outage: order={order}: say sent, or newest (first)")
    over = options.millis("over", "0s" if order == "sent" else "1h")
    return Outage(options.bounded(), over, newest_first=order == "newest")


def _partial(options: Options) -> Fault:
    if not {"users", "records", "only"} & options.given.keys():
        raise FaultError("fault partial: of what? users=0.5, records=0.5 or only=FIELD:VALUE")
    return PartialOutage(Outage(options.bounded(), options.millis("over", "0s")), options.part())


def _from(options: Options) -> Span:
    options.text("from")
    return options.span()


KINDS: dict[str, tuple[str, Callable[[Options], Fault]]] = {
    "delay": ("by=14d: everything comes so much later", _delay),
    "growing": ("by=2h each=1d from=… [most=7d]: later and later", _growing),
    "outage": ("from=… until=… [order=newest] [over=1h]: nothing, then the backlog", _outage),
    "partial": ("from=… until=… users=0.5 | only=FIELD:VALUE: a part is missing", _partial),
    "duplicates": (
        "[records=0.3] [copies=1]: records come twice",
        lambda o: Duplicates(o.span(), o.part(), int(o.number("copies", "1"))),
    ),
    "nulls": ("field=F [records=0.5]: the field is null", lambda o: Nulls(*_where(o))),
    "unit": (
        "field=F factor=100: the field is in another unit",
        lambda o: Unit(*_where(o), o.number("factor")),
    ),
    "stuck": ("field=F value=V: the field says the same", lambda o: Stuck(*_where(o), o.value())),
    "replayed": (
        "from=… until=… after=1d: what came in the span comes again",
        lambda o: Replayed(o.bounded(), o.millis("after")),
    ),
    "skew": (
        "by=-3h [users=0.2]: clocks are wrong (ahead if positive)",
        lambda o: Skew(o.span(), o.part(), o.mapping.time, o.duration("by", signed=True)),
    ),
}
"""What can be put into a log: how it is written, and what reads it. All take ``from``, ``until``
and ``every``; those that touch single events ``users``, ``records``, ``only`` and ``seed``."""


def _where(options: Options) -> tuple[Span, Part, Path]:
    return options.span(), options.part(), options.path()


def read_fault(text: str, mapping: SourceMapping, origin: int | None = None) -> Fault:
    """Read a fault of a source: its kind and its settings.

    mapping: the source's. origin: when the log begins (ms), if known: ``from=+60d`` counts from
    there. Raises FaultError.
    """
    words = shlex.split(text)
    if not words or words[0] not in KINDS:
        raise FaultError(f"{text!r}: no fault of that kind; there are: {', '.join(KINDS)}")
    if wrong := [word for word in words[1:] if "=" not in word]:
        raise FaultError(f"fault {words[0]}: {wrong[0]!r} is not NAME=VALUE")
    given = dict(word.split("=", 1) for word in words[1:])
    options = Options(words[0], given, mapping, origin)
    fault = KINDS[words[0]][1](options)
    options.done()
    return fault

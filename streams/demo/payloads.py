"""What the product's systems send: each source's own JSON, as four teams would write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from schemas.reasons import Reject
from schemas.times import SECOND, format_time
from streams.demo.world import PLANS, PRICES, Happening

Payload = dict[str, Any]


def user_id(row: int) -> str:
    """Name of a user.

    >>> user_id(42)
    'u-00042'
    """
    return f"u-{row:05d}"


def usage(event: Happening, number: int, plan: int) -> Payload:
    """A session in the app; time in RFC 3339."""
    minutes, screen = event.detail
    return {
        "id": f"ses_{number:08x}",
        "type": "session.ended",
        "occurred_at": format_time(event.at),
        "data": {
            "user": {"id": user_id(event.row), "plan": PLANS[plan]},
            "session": {"minutes": minutes, "screen": screen, "device": "web"},
        },
    }


def billing(event: Happening, number: int, plan: int) -> Payload:
    """An event of the payment provider; time in whole seconds."""
    return {
        "id": f"evt_{number:08x}",
        "object": "event",
        "type": event.kind,
        "created": event.at // SECOND,
        "data": {
            "object": {
                "customer": user_id(event.row),
                "amount": PRICES[plan],
                "currency": "EUR",
            }
        },
    }


def support(event: Happening, number: int, plan: int) -> Payload:
    """A ticket opened or solved; time in milliseconds."""
    ticket, tone = event.detail
    return {
        "event": {"uid": f"sup_{number:08x}", "ms": event.at // 1000},
        "ticket": {
            "number": ticket,
            "status": event.kind,
            "tone": tone,
            "requester": {"account": user_id(event.row), "tier": PLANS[plan]},
        },
    }


def outcomes(event: Happening, number: int, plan: int) -> Payload:
    """The end or the return of a contract; time in RFC 3339."""
    return {
        "id": f"out_{number:08x}",
        "account": user_id(event.row),
        "status": event.kind,
        "effective": format_time(event.at),
        "contract": PLANS[plan],
    }


MAKERS: dict[str, Callable[[Happening, int, int], Payload]] = {
    "usage": usage,
    "billing": billing,
    "support": support,
    "outcomes": outcomes,
}
SOURCES: tuple[str, ...] = tuple(MAKERS)

HEARTBEATS: dict[str, Callable[[int], Payload]] = {
    "billing": lambda at: {"created": at // SECOND},
    "support": lambda at: {"event": {"ms": at // 1000}},
}
"""Sources that say how far they have got even when nothing happened."""


def damaged(number: int, at: int) -> tuple[bytes, Reject]:
    """A record on the usage topic that a careless deployment of the product could have sent."""
    broken: Payload = {
        "id": f"bad_{number:08x}",
        "type": "session.ended",
        "occurred_at": format_time(at),
        "data": {"user": {"plan": "team"}, "session": {"minutes": 1.0, "screen": "editor"}},
    }
    match number % 3:
        case 0:
            return orjson.dumps(broken)[:60], Reject.NOT_JSON
        case 1:
            return orjson.dumps(broken), Reject.MISSING_USER
        case _:
            broken["data"]["user"]["id"] = user_id(0)
            broken["occurred_at"] = None
            return orjson.dumps(broken), Reject.NULL_TIME

"""Histories for Hypothesis: late, early, tied, repeated, broken records of a few users."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.models.engine.oracle import BROKEN
from tests.models.engine.story import Item, at, beat, event
from tests.properties import SHARE, scaled


def examples(count: int) -> Any:
    """Settings of a property: the same few examples in every run, unless it is a long search."""
    return settings(
        max_examples=scaled(count),
        derandomize=SHARE <= 1,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


USERS = ("a", "b", "cé", "d😀", "e")
KINDS = ("churn", "leave", "return")

draws = st.tuples(
    st.sampled_from(["usage"] * 5 + ["billing"] * 3 + ["outcomes"] + ["beat", "repeat", "broken"]),
    st.sampled_from(USERS),
    # since the record before: seconds; many ties
    st.sampled_from([0, 0, 0.004, 1, 2, 4, 9, 15]),
    # from event to arrival: seconds; ties on grid points come from the rounding below
    st.sampled_from([0, 0, 0, 1, 3, 7, 12, 26, 44, 70, -4, -9, -15]),
    st.integers(-3, 9),
    st.sampled_from(["quiz", "été", "other", None]),
    st.sampled_from([True, False, None]),
)


@st.composite
def histories(draw: st.DrawFn, size: int = 45) -> list[Item]:
    """Records in order of arrival; a heartbeat at the end moves the clock over a last cut."""
    found: list[Item] = []
    clock = draw(st.sampled_from([0.0, 3.0, 10.0]))
    many = draw(st.integers(1, size))
    for what, user, gap, delay, n, k, b in draw(st.lists(draws, min_size=many, max_size=many)):
        clock = round(clock + gap, 3)
        time = clock - delay
        if b is None:
            time = time // 10 * 10
        found.append(make(found, what, user, clock, time, n, k, b))
    clock += draw(st.sampled_from([60, 120, 340]))
    return [*found, beat("billing", clock)]


def make(
    found: list[Item],
    what: str,
    user: str,
    clock: float,
    time: float,
    n: int,
    k: str | None,
    b: bool | None,
) -> Item:
    """One record."""
    if what == "repeat":
        old = [item for item in found if item.source == "usage" and item.user and not item.raw]
        if old:
            again = old[-1 - abs(n) % len(old)]
            return Item("usage", at(clock), again.user, again.time, again.id, data=again.data)
    if what == "beat":
        return beat("billing" if n > 2 else "outcomes" if n > 0 else "usage", clock, time)
    if what == "broken":
        raw = list(BROKEN)[n % len(BROKEN)]
        return Item("billing" if b else "usage", at(clock), None, at(time), raw=raw)
    if what == "outcomes":
        return event("outcomes", clock, user, time, kind=KINDS[n % 3])
    name = "usage" if what == "repeat" else what
    data = {"n": None if n < -1 else n, "k": k, "b": b}
    return Item(name, at(clock), user, at(time), str(len(found)), data=data)

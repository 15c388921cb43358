"""Labels against a plain computation, rule by rule; which cuts become examples."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.learning.cuts import is_example
from models.learning.labels import not_ended, outcome_label, returns_after
from models.spec import LabelSpec, Spec
from models.state.slab import CHURN, LEAVE, RETURN, Outcome
from tests.models.engine.histories import examples
from tests.models.engine.oracle import Oracle
from tests.models.engine.story import EVENTS_ONLY, SILENT, SPEC, Item, S, at, beat, event

H = 10
NEGATIVE = LabelSpec("outcome", horizon=H, sources=("o",))
CENSOR = replace(NEGATIVE, leave="censor")

outcomes = st.lists(st.builds(Outcome, st.integers(-3, 14), st.integers(0, 2)), max_size=6)


def by_hand(rule: LabelSpec, found: list[Outcome]) -> int | None:
    """Walk through (0, H] moment by moment; the first end decides."""
    kinds = {t: {o.kind for o in found if o.time == t} for t in range(1, H + 1)}
    if rule.leave == "censor" and any(LEAVE in kinds[t] for t in kinds):
        return None
    for t in range(1, H + 1):
        if CHURN in kinds[t]:
            return 1
        if LEAVE in kinds[t]:
            return 0
    return 0


@pytest.mark.parametrize("rule", [NEGATIVE, CENSOR], ids=["negative", "censor"])
@examples(60)
@given(found=outcomes)
def test_labels_are_what_walking_through_the_horizon_says(
    rule: LabelSpec, found: list[Outcome]
) -> None:
    assert outcome_label(rule, 0, found) == by_hand(rule, found)


@pytest.mark.parametrize(
    ("found", "negative", "censor"),
    [
        ([], 0, 0),
        ([Outcome(0, CHURN)], 0, 0),
        ([Outcome(1, CHURN)], 1, 1),
        ([Outcome(H, CHURN)], 1, 1),
        ([Outcome(H + 1, CHURN)], 0, 0),
        ([Outcome(H, LEAVE)], 0, None),
        ([Outcome(H + 1, LEAVE)], 0, 0),
        ([Outcome(0, LEAVE), Outcome(3, CHURN)], 1, 1),
        ([Outcome(3, LEAVE), Outcome(5, CHURN)], 0, None),
        ([Outcome(3, CHURN), Outcome(5, LEAVE)], 1, None),
        ([Outcome(3, CHURN), Outcome(3, LEAVE)], 1, None),
        ([Outcome(3, CHURN), Outcome(4, RETURN)], 1, 1),
        ([Outcome(3, RETURN)], 0, 0),
    ],
)
def test_edges_of_the_horizon_and_competing_events(
    found: list[Outcome], negative: int, censor: int | None
) -> None:
    for order in permutations(found):
        assert outcome_label(NEGATIVE, 0, order) == negative
        assert outcome_label(CENSOR, 0, order) == censor


def test_the_last_outcome_says_whether_a_user_is_still_one() -> None:
    for kinds in product((CHURN, LEAVE, RETURN), repeat=3):
        found = [Outcome(t, kind) for t, kind in enumerate(kinds)]
        for now in range(-1, 3):
            last = kinds[now] if now >= 0 else RETURN
            assert not_ended(found, now) == (last == RETURN)
            assert returns_after(found, now) == (RETURN in kinds[now + 1 :])


@pytest.mark.parametrize("end", [CHURN, LEAVE])
def test_among_equal_times_an_end_counts_after_a_return(end: int) -> None:
    for order in permutations([Outcome(3, end), Outcome(3, RETURN)]):
        assert not not_ended(order, 3)


@pytest.mark.parametrize("every", [20, 40, 60, 100])
def test_each_user_gives_one_example_in_each_period(every: int) -> None:
    spec = replace(SPEC, learning=replace(SPEC.learning, example_every=every * S))
    period = every // 20
    phases = set()
    for number in range(200):
        chosen = [k for k in range(4 * period) if is_example(spec, f"u{number}", at(20 * k))]
        assert len(chosen) == 4
        assert {b - a for a, b in pairwise(chosen)} == {period}
        phases.add(chosen[0])
    assert phases == set(range(period))


def test_the_choice_of_examples_does_not_depend_on_the_apps_name() -> None:
    other = replace(SPEC, app="another")
    for number in range(50):
        for k in range(4):
            cut = at(20 * k)
            assert is_example(SPEC, f"u{number}", cut) == is_example(other, f"u{number}", cut)


def released(spec: Spec, *items: Item) -> dict[tuple[str, int], int]:
    """User and cut to label, as the engine releases them."""
    from tests.models.engine.harness import Worker
    from tests.models.engine.story import START, topics

    spec = replace(spec, learning=replace(spec.learning, example_every=20 * S))
    worker = Worker(spec, topics(spec, list(items))).run()
    truth = Oracle(spec).run(list(items))
    found = {(x["user"], (x["time"] - START) // S): x["label"] for x in worker.examples().values()}
    assert found == {
        (x["user"], (x["time"] - START) // S): x["label"] for x in truth.examples.values()
    }
    return found


def test_an_outcome_at_the_cut_is_before_it_and_one_at_the_horizon_inside() -> None:
    found = released(
        SPEC,
        event("usage", 1, "a", 1),
        event("usage", 1, "b", 1),
        event("outcomes", 60, "a", 60, kind="churn"),
        event("outcomes", 61, "b", 60.000001, kind="churn"),
        beat("billing", 300),
    )
    assert found["a", 20] == found["a", 40] == 1
    assert found["b", 20] == 0
    assert found["b", 40] == found["b", 60] == 1
    assert ("a", 60) not in found  # not at risk any more
    assert ("b", 80) not in found


def test_an_outcome_that_comes_late_still_counts_before_the_cut_has_matured() -> None:
    late = event("outcomes", 78, "a", 59, kind="churn")  # 19 s late, max_delay is 20 s
    found = released(SPEC, event("usage", 1, "a", 1), late, beat("billing", 300))
    assert found["a", 20] == found["a", 40] == 1
    assert found["a", 60] == 0  # it had churned, but nobody knew: nothing happened in (60, 100]


def test_a_leave_removes_the_cut_where_it_censors() -> None:
    story = (
        event("usage", 1, "a", 1),
        event("usage", 2, "b", 2),
        event("outcomes", 50, "a", 50, kind="leave"),
        event("outcomes", 70, "b", 70, kind="churn"),
        beat("billing", 400),
    )
    assert released(SPEC, *story)["a", 20] == 0
    found = released(replace(SPEC, labels=replace(SPEC.labels, leave="censor")), *story)
    assert {cut for user, cut in found if user == "a"} == set()
    assert found["b", 40] == 1
    assert EVENTS_ONLY.labels.leave == "censor"


def test_a_return_brings_the_user_back_at_risk() -> None:
    found = released(
        SPEC,
        event("usage", 1, "a", 1),
        event("outcomes", 30, "a", 30, kind="churn"),
        event("outcomes", 90, "a", 90, kind="return"),
        beat("billing", 400),
    )
    assert [found.get(("a", cut)) for cut in (20, 40, 60, 80, 100)] == [1, None, None, None, 0]


def test_inactivity_is_no_event_of_the_named_sources_in_the_horizon() -> None:
    many = [event("usage", t, "a", t) for t in (1, 2, 40, 80.5)]
    found = released(
        SILENT,
        *many,
        event("usage", 81, "b", 61),
        event("billing", 81, "b", 62),
        event("usage", 300, "c", 300),
        beat("billing", 300),
        event("usage", 330, "c", 330),
        beat("billing", 600),
    )
    # a: two events in the 60 s before the cut; nothing in (40, 80]; one at 80.5
    assert [found.get(("a", cut)) for cut in (20, 40, 60, 80)] == [0, 1, 0, None]


def test_who_was_hardly_active_cannot_fall_silent() -> None:
    found = released(
        SILENT,
        event("usage", 1, "a", 1),
        event("usage", 2, "b", 2),
        event("billing", 3, "b", 3),
        event("usage", 300, "c", 300),
        beat("billing", 310),
        beat("billing", 340),
    )
    assert {user for user, _ in found} == {"b"}

"""Models that share a run say what each would have said in a run of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.learning.cuts import is_example
from models.spec import Spec
from streams.replay import Replay
from streams.study.conditions import parse
from streams.study.running import run
from streams.study.staleness import all_policies
from streams.study.together import Together
from streams.study.truth import Truth
from streams.study.worlds import World, specification

SEED = 17


def with_model(spec: Spec, kind: str) -> Spec:
    return replace(spec, model=replace(spec.model, name=kind, kind=kind), challengers=())


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["fresh:", "late: usage=delay by=3d"])
def test_models_that_share_a_run_say_what_they_would_say_alone(condition: str) -> None:
    spec = all_policies(specification())
    log = World(days=70, users=40).log(spec, SEED)
    truth, faults = Truth(spec, log), parse(condition).read(spec, log.first)
    specs = [with_model(spec, kind) for kind in ("logistic", "hat")]
    together = run(specs, log.arriving(faults), truth)
    for spec, found in zip(specs, together, strict=True):
        (alone,) = run([spec], log.arriving(faults), truth)
        np.testing.assert_array_equal(found.time, alone.time)
        np.testing.assert_array_equal(found.label, alone.label)
        for policy, said in alone.by_policy.items():
            np.testing.assert_array_equal(found.by_policy[policy], said, err_msg=policy)
    first, second = (one.by_policy["learned"] for one in together)
    assert not np.array_equal(first, second), "two models"


def test_what_others_said_is_kept_of_cuts_that_become_examples_until_they_are() -> None:
    spec = specification()
    log = World(days=20, users=5).log(spec, SEED)
    faults = parse("late: usage=delay by=3d").read(spec, log.first)
    together = Together([with_model(spec, kind) for kind in ("logistic", "hat")])
    replay = Replay(spec, together)
    replay.engine.desk.observer = together.scored
    replay.run(log.arriving(faults))
    (opinion,) = together._others
    cuts = list(zip(together.users, np.concatenate(together.times).tolist(), strict=True))
    kept = {(user, time) for time, said in opinion._said.items() for user in said}
    newest = max(time for _, time in cuts)
    assert kept
    assert kept < {(user, time) for user, time in cuts if is_example(spec, user, time)}
    assert min(time for _, time in kept) > newest - 3 * spec.labels.horizon
    experts = [of for said in opinion._said.values() for _, of in said.values() if of is not None]
    assert experts
    assert all(one.base is None for one in experts), "else a whole cut stays for it"

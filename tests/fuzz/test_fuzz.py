"""A few of the campaign's inputs in every test run; all of them: ``make fuzz N=1000000``."""

from __future__ import annotations

import pytest

from tests.fuzz.campaign import TARGETS, Chunk, fire
from tests.properties import scaled

INPUTS = {"events": 2000, "engine": 160, "snapshots": 200, "files": 100, "configuration": 40}


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_input_is_read_or_refused(target: str) -> None:
    inputs = scaled(INPUTS.get(target, 300))
    _, outcomes, wrong = fire(Chunk(target, f"test/{target}", inputs))
    assert not wrong, wrong
    assert outcomes.total() >= inputs
    assert len(outcomes) > 1 or target == "engine"

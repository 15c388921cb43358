"""Every registered fault once, small: nothing lost, nothing counted twice, repeats recognisable."""

from __future__ import annotations

import pytest

from tests.faults.catalogue import FAULTS, Fault, Stage


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_nothing_is_lost_and_nothing_counted_twice(fault: Fault, stage: Stage) -> None:
    result = fault.strike(stage)
    assert result.strikes > 0, "it never struck"
    assert result.verdict.clean, str(result.verdict)

"""Which of several failures ends a process, and how."""

from __future__ import annotations

import pytest

from streams.supervision import Crashed, Fatal, StartAnew, Supervisor

FIRST, CRASH = RuntimeError("the event loop is closed"), Crashed("a commit failed")


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([FIRST, StartAnew("later")], FIRST),
        ([FIRST, CRASH], CRASH),
        ([Fatal("topic gone"), CRASH], "topic gone"),
        ([CRASH, FIRST], CRASH),
    ],
)
async def test_the_first_failure_counts_or_the_crash_behind_it(failures, told) -> None:
    supervisor = Supervisor()
    for failure in failures:
        supervisor.fail(failure)
    await supervisor.ended()
    assert str(supervisor.error) == str(told)

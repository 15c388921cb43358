"""Work in processes of their own that inherit what they work on.

Data sets and contenders hold functions, which don't travel between processes; a fork has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

Task = Callable[[], None]
_tasks: list[Task] = []


def each(tasks: Sequence[Task], jobs: int) -> Iterator[int]:
    """Run all, ``jobs`` at a time; the places of those that are done, in their order.

    What a task raises is raised here.
    """
    with ProcessPoolExecutor(jobs, get_context("fork"), _inherit, (list(tasks),)) as pool:
        for number, _ in enumerate(pool.map(_run, range(len(tasks)))):
            yield number


def _inherit(tasks: list[Task]) -> None:
    _tasks[:] = tasks


def _run(number: int) -> None:
    _tasks[number]()

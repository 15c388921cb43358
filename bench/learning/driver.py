"""The project's own engine, driven in memory: records in, examples out.

So every contender learns from the features that production computes, with the label and the epoch
that production gives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import orjson

from models.engine.requests import Output
from models.spec import Spec
from schemas.examples import Example
from streams.replay import Prior, Record, Replay

Keep = Callable[[Example], None]

__all__ = ["Keep", "Record", "examples"]


def examples(spec: Spec, records: Iterable[list[Record]], keep: Keep) -> int:
    """Put records through the engine of one partition; ``keep`` gets every example.

    records: lists in order of arrival. The prior scores: features and labels don't depend on
    the model. Returns the number of records.
    """

    def watch(outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == "examples":
                value = orjson.loads(output.value)
                if value["kind"] == "example":
                    keep(Example(**value))

    return Replay(spec, Prior(spec), watch).run(records)

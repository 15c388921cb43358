"""What arrives on topics: users' events with their headers, and Ebbline's own records."""

from __future__ import annotations

import base64
import random
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from models.engine.intake import Judged, judge, letters, strangers
from models.engine.records import make_chunk
from models.engine.state import SourceState
from models.spec import SourceSpec
from models.state.slab import ABSENT
from schemas import codec
from schemas.controls import FORGET_HEADER
from schemas.deadletters import DeadLetter
from schemas.events import RETRIED_HEADER
from streams.deadletters.retry import plan_retry
from streams.deadletters.run import read_letter
from tests.fuzz.corpus import START, corpus
from tests.fuzz.mutation import damaged
from tests.models.engine.harness import NOW, Worker
from tests.models.engine.story import EAGER, Item, Raw, at, beat, event, topics

Outcomes = Counter[str]
BATCH = 200
DOC = Path(__file__).resolve().parents[2] / "docs" / "topics.md"
HEADERS: tuple[Any, ...] = (
    *[()] * 12,
    (("ebbline-heartbeat", b"1"),),
    (("ebbline-heartbeat", None),),
    ((RETRIED_HEADER, b"t-0-17"),),
    ((RETRIED_HEADER, b"\xff"),),
    ((RETRIED_HEADER, None), ("é", b"x" * 3000)),
    ((FORGET_HEADER, "u-é".encode()),),
    ((FORGET_HEADER, b"\xff"), ("trace", b"")),
    ((FORGET_HEADER, None),),
)
STAMPS = (0, -1, -(2**40), START * 1000, START * 1000, START * 1000 + 5, 2**43)


def events(rng: random.Random, count: int) -> Outcomes:
    """Users' own JSON through decoding and judging; rejected ones through the dead letters."""
    found: Outcomes = Counter()
    sources = corpus()
    while found.total() < count:
        source, good = rng.choice(sources)
        raws = [_raw(rng, offset, good) for offset in range(BATCH)]
        chunk = make_chunk(source, raws, START * 10**6, NOW)
        clocks = np.maximum.accumulate(chunk.arrivals)
        rows = np.full(len(chunk), ABSENT)
        foreign = strangers(chunk, rows, {}, 0, rng.choice((1, 1, 1, 7)))
        judged = judge(EAGER, source, SourceState(), chunk, rows, clocks, foreign)
        found.update(_verdicts(judged))
        _letters(rng, source, judged, raws)
    return found


def _raw(rng: random.Random, offset: int, good: Sequence[bytes]) -> Raw:
    value = None if rng.random() < 0.01 else damaged(rng, rng.choice(good), good)
    return Raw(offset, rng.choice(STAMPS), b"key", value, rng.choice(HEADERS))


def _verdicts(judged: Judged) -> list[str]:
    """One word for each record; a record without one, or with two, is a failure."""
    found = []
    for i, user in enumerate(judged.chunk.batch.users):
        words = []
        if judged.usable[i]:
            words.append("event")
            assert user is not None
        if judged.beats[i]:
            words.append("heartbeat")
        if i in judged.verdicts:
            words.append(f"dead letter: {judged.verdicts[i][0]}")
        elif i in judged.chunk.batch.forgets:
            words.append("request")
        assert len(words) == 1, (words, judged.chunk.raws[i])
        found += words
    return found


def _letters(rng: random.Random, source: SourceSpec, judged: Judged, raws: Sequence[Raw]) -> None:
    """Each letter keeps its record's bytes, and can be sent again."""
    for output in letters(EAGER, source, 0, judged, "2020-01-01T00:00:00Z"):
        letter = codec.decode_deadletter(output.value)
        record = raws[letter.offset]
        assert letter.value_base64 == (
            None if record.value is None else base64.b64encode(record.value).decode()
        )
        retry = plan_retry(letter, 3, lambda _: rng.choice((None, "u")))
        assert retry.value == record.value


STORY: list[Item] = [
    *(event("usage", n, "abc"[n % 3], n - n % 4, n=n, k="quiz") for n in range(1, 40)),
    *(event("billing", n + 0.5, "ab"[n % 2], n, n=1, b=True) for n in range(1, 40)),
    beat("billing", 70),
]


def engine(rng: random.Random, count: int) -> Outcomes:
    """Damaged records through a whole worker: folded, scored, released; every one counted."""
    found: Outcomes = Counter()
    good = [item.value or b"" for item in STORY]
    while found.total() < count:
        items = [
            Item(item.source, item.stamp, raw=damaged(rng, item.value or b"", good))
            if rng.random() < 0.5
            else item
            for item in sorted(STORY, key=lambda item: item.stamp)
        ]
        items.append(beat("billing", rng.choice((80, 300, 900))))
        worker = Worker(EAGER, topics(EAGER, items)).run()
        for topic, state in zip(worker.topics, worker.engine.state.sources, strict=True):
            counted = state.events + state.duplicates + state.heartbeats + state.rejected.total()
            assert counted == len(topic)
            assert state.applied == len(topic) - 1
        found["records of a whole worker"] += len(items)
        assert at(0) <= worker.engine.state.clock
    return found


READERS = {
    "scores": codec.decode_score,
    "sources": codec.decode_source_status,
    "deadletter": codec.decode_deadletter,
    "examples": codec.decode_example,
    "models": codec.decode_manifest,
    "drift": codec.decode_drift,
}


@cache
def documented() -> dict[str, list[bytes]]:
    """The records that docs/topics.md shows, by topic."""
    found: dict[str, list[bytes]] = {name: [] for name in READERS}
    shown = re.findall(r"```json churn\.(\w+)\n(.*?)\n```", DOC.read_text(), re.DOTALL)
    for name, content in shown:
        found[name].append(content.encode())
    return found


def own_records(rng: random.Random, count: int) -> Outcomes:
    """Ebbline's own topics: a typed record, or CodecError."""
    found: Outcomes = Counter()
    every = [value for values in documented().values() for value in values]
    for _ in range(count):
        name = rng.choice(list(READERS))
        value = damaged(rng, rng.choice(documented()[name]), every)
        try:
            record = READERS[name](value)
            found[f"{name}: read"] += 1
        except codec.CodecError:
            found[f"{name}: CodecError"] += 1
            continue
        if isinstance(record, DeadLetter) and (letter := read_letter(value)):
            plan_retry(letter, 3, lambda _: None)
    return found

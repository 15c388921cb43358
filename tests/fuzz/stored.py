"""What is read from Redis, the snapshot store and files: state, models, configuration, rows."""

from __future__ import annotations

import random
import struct
import tempfile
import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import orjson

from models.engine.state import PartitionState
from models.features.plan import make_plan
from models.learning import pickling
from models.learning.snapshots import SnapshotError, load_scorer, sign
from models.learning.trainer import Trainer
from models.spec import Spec
from models.state.cuts import CutRecord
from models.state.decoding import decode
from models.state.layout import StateError
from models.state.slab import Slab
from schemas import codec
from schemas.snapshots import Manifest
from schemas.times import DAY
from streams.config import ConfigError
from streams.config.loading import load_config
from streams.publish.files import FileError, rows
from tests.fuzz.corpus import corpus
from tests.fuzz.mutation import damaged
from tests.fuzz.records import STORY
from tests.models.engine.harness import Worker
from tests.models.engine.story import EAGER, topics
from tests.models.learning.conftest import make_example, make_spec

Outcomes = Counter[str]
KEY = b"the key of the fuzzing tests"
_CHECKSUM_AT, _BODY_AT = 4, 8
"""Where a user's value has its crc32, and what it is of."""


@cache
def _worker() -> Worker:
    items = sorted(STORY, key=lambda item: item.stamp)
    return Worker(EAGER, topics(EAGER, items)).run()


def user_state(rng: random.Random, count: int) -> Outcomes:
    """Users' values; in half of the cases the checksum is made right again."""
    found: Outcomes = Counter()
    good = list(_worker().store.users.values())
    slab = Slab(make_plan(EAGER))
    for _ in range(count):
        value = damaged(rng, rng.choice(good), good)
        if rng.random() < 0.5 and len(value) > _BODY_AT:
            crc = struct.pack("<I", zlib.crc32(value[_BODY_AT:]))
            value = value[:_CHECKSUM_AT] + crc + value[_BODY_AT:]
        row = int(slab.make(["u"])[0])
        try:
            decode(slab, ["u"], np.array([row]), [value])
            cuts = [CutRecord.unpack(cut.packed) for cut in slab.pending[row]]
            found["user state: read"] += len(cuts) >= 0
        except StateError:
            found["user state: StateError"] += 1
        slab.drop(["u"])
    return found


def partition_record(rng: random.Random, count: int) -> Outcomes:
    """Partition records: what is read can be written again."""
    good = _worker().store.partition or b""
    found: Outcomes = Counter()
    for _ in range(count):
        try:
            state = PartitionState.decode(damaged(rng, good, [good]))
        except StateError:
            found["partition record: StateError"] += 1
            continue
        assert PartitionState.decode(state.encode()) == state
        found["partition record: read"] += 1
    return found


@cache
def _snapshot() -> tuple[Spec, Manifest, bytes]:
    spec = make_spec()
    rng = np.random.default_rng(0)
    learned = [make_example(spec, n, rng, 40 * DAY) for n in range(50)]
    result = Trainer(spec).learn_epoch(40 * DAY, learned, 50)
    assert result.payload is not None
    return spec, sign(result.manifest, KEY), result.payload


def snapshots(rng: random.Random, count: int) -> Outcomes:
    """Manifests and payloads: whatever was altered is refused, and nothing of it is unpickled."""
    found: Outcomes = Counter()
    spec, manifest, payload = _snapshot()
    told = codec.encode(manifest)
    for _ in range(count):
        announced, kept = told, payload
        if rng.random() < 0.6:
            announced = damaged(rng, told, [told])
        else:
            kept = damaged(rng, payload, [payload, told])
        try:
            heard = codec.decode_manifest(announced)
        except codec.CodecError:
            found["snapshot: CodecError"] += 1
            continue
        intact = heard == manifest and kept == payload
        with mock.patch.object(pickling, "load", wraps=pickling.load) as load:
            try:
                load_scorer(spec, heard, kept, KEY)
                found["snapshot: loaded"] += 1
                assert intact
            except SnapshotError as error:
                found[f"snapshot: {type(error).__name__}"] += 1
                assert not intact
                assert not load.called
    return found


def configuration(rng: random.Random, count: int) -> Outcomes:
    """Configuration files: a configuration, or all that is wrong with it."""
    folder = Path(__file__).resolve().parents[2]
    good = [
        (folder / name).read_bytes()
        for name in ("streams/config/starter.toml", "examples/cdnow/ebbline.toml")
    ]
    found: Outcomes = Counter()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "ebbline.toml"
        for _ in range(count):
            path.write_bytes(damaged(rng, rng.choice(good), good))
            try:
                load_config(path)
                found["configuration: read"] += 1
            except ConfigError:
                found["configuration: ConfigError"] += 1
    return found


CSV = b"user,at,number,flag\n" + b"u1,2020-01-01T00:00:00Z,1.5,yes\n" * 9


def published_files(rng: random.Random, count: int) -> Outcomes:
    """Files of rows given to ``publish``: rows of JSON, or FileError."""
    source, good = corpus()[0]
    lines = b"\n".join(good)
    found: Outcomes = Counter()
    with tempfile.TemporaryDirectory() as place:
        for _ in range(count):
            csv = rng.random() < 0.5
            path = Path(place) / ("rows.csv" if csv else "rows.jsonl")
            path.write_bytes(damaged(rng, CSV if csv else lines, [CSV, lines]))
            try:
                for block in rows(path, source.mapping):
                    assert not csv or all(isinstance(orjson.loads(row), dict) for row in block)
                found[f"file {path.suffix}: read"] += 1
            except FileError:
                found[f"file {path.suffix}: FileError"] += 1
    return found

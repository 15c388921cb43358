"""A snapshot is used only if everything about it agrees, and unpickled only if it is signed."""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
import zlib
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import orjson
import pytest

from models.learning import payload as payloads
from models.learning import pickling, snapshots
from models.learning.snapshots import (
    AppError,
    ChecksumError,
    FeatureSetError,
    ForbiddenGlobalError,
    FormatError,
    PayloadError,
    RiverVersionError,
    SignatureError,
    SizeError,
    SnapshotError,
)
from models.learning.trainer import EpochResult, Trainer
from models.spec import MemberSpec, ModelSpec, Spec
from schemas.codec import decode_manifest
from schemas.snapshots import Manifest, Reign

DAY = 86_400_000_000
KEY = b"secret"
Snapshot = tuple[Manifest, bytes]


@pytest.fixture(scope="module")
def snapshot(learned: tuple[Trainer, EpochResult]) -> Snapshot:
    result = learned[1]
    assert result.payload is not None
    return snapshots.sign(result.manifest, KEY), result.payload


def forged(manifest: Manifest, payload: bytes, **changes: Any) -> Snapshot:
    """Snapshot with another payload, its manifest made to agree and signed."""
    about: dict[str, Any] = {"checksum": payloads.checksum(payload), "size": len(payload)} | changes
    return snapshots.sign(replace(manifest, **about), KEY), payload


def test_a_good_snapshot_loads(
    spec: Spec, snapshot: Snapshot, learned: tuple[Trainer, EpochResult]
) -> None:
    trainer = learned[0]
    scorer = snapshots.load_scorer(spec, *snapshot, KEY)
    assert (scorer.name, scorer.version) == ("champion", 3)
    assert scorer.valid_from == snapshot[0].valid_from
    matrix = np.random.default_rng(0).lognormal(1, 2, (50, 5))
    assert (scorer.predict(matrix) == trainer.scorer.predict(matrix)).all()
    assert snapshots.load_trainer(spec, *snapshot, KEY).epoch == 52 * DAY


def test_version_0_is_the_prior(spec: Spec) -> None:
    manifest = snapshots.sign(Trainer(spec).learn_epoch(DAY, [], 0).manifest, KEY)
    assert snapshots.load_scorer(spec, manifest, None, KEY) == snapshots.prior_scorer(spec)
    assert snapshots.load_trainer(spec, manifest, None, KEY).epoch == DAY


def test_a_later_unchanged_manifest_gives_the_version_its_own_beginning(
    spec: Spec, snapshot: Snapshot
) -> None:
    trainer = snapshots.load_trainer(spec, *snapshot, KEY)
    quiet = snapshots.sign(trainer.learn_epoch(53 * DAY, [], 60).manifest, KEY)
    assert quiet.valid_from > snapshot[0].valid_from
    scorer = snapshots.load_scorer(spec, quiet, snapshot[1], KEY)
    assert scorer.valid_from == snapshot[0].valid_from


Change = Callable[[Manifest, bytes], tuple[Manifest, bytes | None]]
REFUSALS: dict[str, tuple[Change, type[SnapshotError], str]] = {
    "unsigned": (lambda m, p: (replace(m, signature=""), p), SignatureError, "not signed"),
    "altered": (lambda m, p: (replace(m, position=9), p), SignatureError, "altered"),
    "other key": (lambda m, p: (snapshots.sign(m, b"other"), p), SignatureError, "EBBLINE_SIGNING"),
    "other app": (lambda m, p: forged(m, p, app="shop"), AppError, "shop/champion"),
    "other model": (lambda m, p: forged(m, p, name="rival"), AppError, "rival"),
    "other format": (lambda m, p: forged(m, p, format=99), FormatError, "99"),
    "other schema": (lambda m, p: forged(m, p, schema_version=99), FormatError, "99"),
    "other river": (lambda m, p: forged(m, p, river="0.24.2"), RiverVersionError, r"0\.24\.2"),
    "other set": (lambda m, p: forged(m, p, feature_set="fs-1"), FeatureSetError, "fs-1"),
    "other names": (lambda m, p: forged(m, p, features=["a"]), FeatureSetError, "feature set"),
    "no payload": (lambda m, _: (m, None), ChecksumError, "not there"),
    "tampered": (lambda m, p: (m, p[:-1] + bytes([p[-1] ^ 1])), ChecksumError, "altered"),
    "truncated": (lambda m, p: (m, p[:-1]), ChecksumError, "truncated"),
    "no checksum": (lambda m, p: forged(m, p, checksum=None), ChecksumError, "altered"),
    "said to be large": (lambda m, p: forged(m, p, size=10**9), SizeError, "limit"),
    "another frame": (lambda m, p: forged(m, b"XXXX" + p[4:]), FormatError, "XXXX"),
    "too short": (lambda m, _: forged(m, b"EB"), PayloadError, "shorter"),
    "no zlib": (lambda m, p: forged(m, p[:9] + b"?" * len(p[9:])), PayloadError, "decompress"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case: str, spec: Spec, snapshot: Snapshot) -> None:
    change, error, message = REFUSALS[case]
    manifest, payload = change(*snapshot)
    for load in (snapshots.load_scorer, snapshots.load_trainer):
        with pytest.raises(error, match=message):
            load(spec, manifest, payload, KEY)


def test_refused_without_a_key(spec: Spec, snapshot: Snapshot) -> None:
    for no_key in (None, b""):
        with pytest.raises(SignatureError, match="no key"):
            snapshots.load_scorer(spec, *snapshot, no_key)
        with pytest.raises(SignatureError, match="no key"):
            snapshots.sign(snapshot[0], no_key)


def test_refused_above_the_limit(spec: Spec, snapshot: Snapshot) -> None:
    with pytest.raises(SizeError, match="limit is 100"):
        snapshots.load_scorer(spec, *snapshot, KEY, max_bytes=100)


def test_nothing_is_unpickled_before_everything_agrees(
    spec: Spec, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpickled(*_: object) -> None:
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickling, "load", unpickled)
    before = [name for name in REFUSALS if name not in ("another frame", "too short", "no zlib")]
    for case in before:
        change, error, _ = REFUSALS[case]
        with pytest.raises(error):
            snapshots.load_scorer(spec, *change(*snapshot), KEY)
    with pytest.raises(AssertionError, match="unpickled"):
        snapshots.load_scorer(spec, *snapshot, KEY)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/ebbline-evil",)


def by_name(module: str, name: str) -> bytes:
    """Pickle that asks for ``module.name`` and calls it with nothing."""
    texts = [b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name)]
    return b"\x80\x05" + b"".join(texts) + b"\x93)R."


FORBIDDEN = [
    pickle.dumps(Evil()),
    by_name("builtins", "eval"),
    by_name("builtins", "getattr"),
    by_name("os", "getcwd"),
    by_name("models.spec", "hashlib"),
    by_name("models.learning.pickling", "load"),
    by_name("models.learning.pickling", "pickle.loads"),
    by_name("models.learning.pickling", "zlib"),
    by_name("river.tree.base", "os.getcwd"),
    by_name("river.datasets.credit_card", "CreditCard"),
    by_name("river.stream.iter_csv", "iter_csv"),
    by_name("numpy", "load"),
    by_name("numpy._core.multiarray", "fromfile"),
]


@pytest.mark.parametrize("content", FORBIDDEN)
def test_forbidden_globals(content: bytes, spec: Spec, snapshot: Snapshot) -> None:
    with pytest.raises(ForbiddenGlobalError, match="no model needs"):
        pickling.load(zlib.compress(content), 10_000)
    packed = zlib.compress(content)
    frame = payloads._FRAME.pack(b"EBBL", payloads.FORMAT, len(packed)) + packed + packed
    for load in (snapshots.load_scorer, snapshots.load_trainer):
        with pytest.raises(ForbiddenGlobalError):
            load(spec, *forged(snapshot[0], frame), KEY)


def test_a_pickle_that_breaks_or_bursts() -> None:
    with pytest.raises(PayloadError, match="does not load"):
        pickling.load(zlib.compress(b"\x80\x05broken"), 1000)
    with pytest.raises(PayloadError, match="too early"):
        pickling.load(zlib.compress(pickle.dumps([1.5] * 99))[:-8], 10_000)
    with pytest.raises(SizeError, match="more than 1000"):
        pickling.load(zlib.compress(pickle.dumps(bytes(10**6))), 1000)


def test_signature_covers_every_field(snapshot: Snapshot) -> None:
    manifest = snapshot[0]
    snapshots.verify(manifest, KEY)
    changes: dict[str, Any] = {"valid_from": 1, "metrics": {}, "payload": "x", "version": 9}
    for change in changes.items():
        other: dict[str, Any] = dict([change])
        with pytest.raises(SignatureError):
            snapshots.verify(replace(manifest, **other), KEY)


def test_manifests_from_before_there_were_reigns_are_read(spec: Spec, snapshot: Snapshot) -> None:
    """Signed without the field, with schema version 1: as the program of then wrote them."""
    manifest = replace(snapshot[0], schema_version=1)
    content = {k: v for k, v in asdict(manifest).items() if k not in ("signature", "reign")}
    written = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    content["signature"] = hmac.new(KEY, written, hashlib.sha256).hexdigest()
    read = decode_manifest(orjson.dumps(content))
    assert snapshots.load_scorer(spec, read, snapshot[1], KEY).version == manifest.version
    with pytest.raises(SignatureError):
        snapshots.check_manifest(spec, replace(read, reign=Reign("other", 1)), KEY)
    newer = snapshots.sign(replace(manifest, schema_version=99), KEY)
    with pytest.raises(FormatError):
        snapshots.check_manifest(spec, newer, KEY)


def test_a_signature_and_a_checksum_of_any_text_are_refused(spec: Spec, snapshot: Snapshot) -> None:
    manifest, payload = snapshot
    with pytest.raises(SignatureError):
        snapshots.load_scorer(spec, replace(manifest, signature="é" * 64), payload, KEY)
    with pytest.raises(ChecksumError):
        snapshots.load_scorer(spec, *forged(manifest, payload, checksum="é" * 64), KEY)


def test_classes_of_a_package_that_the_configuration_names_are_allowed() -> None:
    from fractions import Fraction

    data = pickling.dump(Fraction(1, 3))
    with pytest.raises(ForbiddenGlobalError, match="Fraction"):
        pickling.load(data, 10_000)
    with pytest.raises(ForbiddenGlobalError, match="Fraction"):
        pickling.load(data, 10_000, ("fraction",))
    assert pickling.load(data, 10_000, ("fractions",)) == Fraction(1, 3)
    kinds = ModelSpec(kind="mixture", members=(MemberSpec("fractions:Fraction"), MemberSpec("hat")))
    assert kinds.packages == ("fractions",)

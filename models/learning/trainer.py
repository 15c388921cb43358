"""Learns in epochs: the same examples give the same model, bit by bit, however they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.learning.admission import admit
from models.learning.base_rate import BaseRate
from models.learning.compiling import compile_model, make_scorer
from models.learning.costs import SourceCosts, published
from models.learning.errors import KindError
from models.learning.factory import Model, make_model
from models.learning.freezing import learn_rows
from models.learning.manifests import changed, first_manifest, unchanged
from models.learning.maturing import Maturing
from models.learning.maturity import maturity_of
from models.learning.numerics import Floats
from models.learning.payload import pack, unpack_head, unpack_tail
from models.learning.policies import PolicyLearner
from models.learning.prequential import RollingQuality
from models.learning.scorer import Scorer, as_matrix, prior_scorer
from models.spec import ModelSpec, Spec
from schemas.drift import BandQuality, SegmentQuality, SourceCost
from schemas.examples import Example
from schemas.snapshots import Manifest

WINDOW = 5000
"""Examples over which the rolling figures are taken."""


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """Predict-then-learn figures after an epoch; see ``schemas.drift.Prequential``.

    examples: handed over; learned: of them learned, with ``positives`` among these; dropped:
    reason → number of the others. window: examples the rolling figures are taken over.
    missing: feature → how many of the vectors learned did not know it. bands, segments: how
    true the window's probabilities were. weights: of the policies, by staleness pattern.
    costs: of not knowing a source, or having it late.
    """

    examples: int
    learned: int
    positives: int
    dropped: dict[str, int]
    window: int
    auc: float | None
    log_loss: float | None
    base_log_loss: float | None
    missing: dict[str, int]
    bands: tuple[BandQuality, ...]
    segments: tuple[SegmentQuality, ...]
    weights: dict[str, dict[str, float]]
    costs: dict[str, SourceCost]


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions of an epoch's examples, made before it was learned, in the order of learning.

    All of shape (n,).
    """

    labels: Floats
    weights: Floats
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class EpochResult:
    """What an epoch came to. ``payload`` is None when the manifest says ``changed=False``.

    predicted: None when nothing was learned.
    """

    manifest: Manifest
    payload: bytes | None
    metrics: EpochMetrics
    predicted: Predicted | None


@dataclass(slots=True)
class _State:
    """All that learning goes on from: the tail of a payload."""

    spec: ModelSpec
    model: Model
    base: BaseRate
    quality: RollingQuality
    maturing: Maturing
    policies: PolicyLearner
    costs: SourceCosts


class Trainer:
    """Learns epoch after epoch, and after each says which model is in force.

    Predicts the epoch's examples first, all with the model as it was before the epoch, from
    the vectors as they were scored; then learns them from the completed vectors, in a fixed
    order. After an epoch it goes on from its own payload, exactly as a restored one would.

    Parameters
    ----------
    spec
        The deployment; its features and its model are what is learned.

    """

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.epoch: int | None = None
        self._features = tuple(feature.name for feature in spec.features)
        self._segments = {name: self._features.index(name) for name in spec.learning.segments}
        self._manifest: Manifest | None = None
        self._scorer: Scorer = prior_scorer(spec)
        self._state = _State(
            spec=spec.model,
            model=make_model(spec.model, spec.features),
            base=BaseRate(spec.model.prior, weight=1.0),
            quality=RollingQuality(WINDOW),
            maturing=Maturing(_until_in_force(spec)),
            policies=PolicyLearner(spec),
            costs=SourceCosts(spec),
        )

    @classmethod
    def restore(cls, spec: Spec, manifest: Manifest, payload: bytes | None) -> Trainer:
        """Trainer as it was after the manifest's epoch.

        Unpickles WITHOUT verifying: ``snapshots.load_trainer`` is the way in from outside.
        ``payload``: that of the version in force, None if nothing was learned yet. Raises
        SnapshotError.
        """
        trainer = cls(spec)
        trainer.epoch = manifest.epoch
        trainer._manifest = manifest
        if payload is not None:
            trainer._go_on_from(payload, manifest)
        return trainer

    @property
    def manifest(self) -> Manifest | None:
        """Manifest of the last epoch; None before the first."""
        return self._manifest

    @property
    def scorer(self) -> Scorer:
        """Scorer of the version in force."""
        return self._scorer

    def learn_epoch(self, epoch: int, examples: Sequence[Example], position: int) -> EpochResult:
        """Predict, then learn, the examples of the epochs up to ``epoch`` not learned yet.

        Parameters
        ----------
        epoch
            End of the epoch, microseconds since the epoch; later than the last one.
        examples
            In any order, repeats allowed.
        position
            Offset in the examples topic from which a restored trainer reads on.

        """
        if self.epoch is not None and epoch <= self.epoch:
            raise ValueError(f"epoch {epoch} is not after {self.epoch}, which is learned already")
        admitted, dropped = admit(self.spec, examples, self.epoch, epoch)
        before = self._manifest or first_manifest(self.spec, epoch, position)
        after = unchanged(before, self.spec, epoch, position)
        missing, predicted = self._predict_and_learn(admitted) if admitted else ({}, None)
        metrics = self._metrics(len(examples), admitted, dropped, missing)
        payload = None
        if admitted:
            payload = self._pack(after.version + 1, after.valid_from)
            after = changed(after, payload, metrics.learned, metrics.positives, _published(metrics))
            self._go_on_from(payload, after)
        self.epoch, self._manifest = epoch, after
        return EpochResult(after, payload, metrics, predicted)

    def renumber(self, version: int, result: EpochResult) -> EpochResult:
        """Give what was learned last another version, and publish it whether it changed or not.

        For a model that has learned again: the numbers in between belong to what it was before.
        """
        manifest = replace(result.manifest, version=version - 1)
        payload = self._pack(version, manifest.valid_from)
        manifest = changed(manifest, payload, 0, 0, manifest.metrics)
        self._go_on_from(payload, manifest)
        self._manifest = manifest
        return replace(result, manifest=manifest, payload=payload)

    # ------------------------------------------------------------------ learning

    def _predict_and_learn(self, examples: Sequence[Example]) -> tuple[dict[str, int], Predicted]:
        labels = np.array([example.label for example in examples], dtype=float)
        weights = np.array([example.weight for example in examples], dtype=float)
        scored = as_matrix(self._features, [example.vector for example in examples])
        complete = as_matrix(self._features, [example.complete for example in examples])
        state = self._state
        predicted = Predicted(labels, weights, self._scorer.predict(scored))
        segments = {name: scored[:, i] for name, i in self._segments.items()}
        state.quality.update(labels, predicted.probabilities, weights, state.base.rate(), segments)
        if self._scorer.version > 0:
            state.costs.update(self.spec, self._scorer, examples, complete, labels, weights)
        for label, weight in zip(labels.tolist(), weights.tolist(), strict=True):
            state.base.update(bool(label), weight)
        times = [example.time for example in examples]
        known = state.maturing.known(times)
        learn_rows(state.model, self._features, complete, labels, weights, known)
        state.maturing.add(times)
        state.policies.learn(self.spec, examples, complete, labels, weights)
        unknown = (~np.isfinite(complete)).sum(axis=0).tolist()
        missing = {name: n for name, n in zip(self._features, unknown, strict=True) if n}
        return missing, predicted

    def _metrics(
        self,
        examples: int,
        admitted: Sequence[Example],
        dropped: dict[str, int],
        missing: dict[str, int],
    ) -> EpochMetrics:
        quality = self._state.quality
        return EpochMetrics(
            examples=examples,
            learned=len(admitted),
            positives=sum(example.label for example in admitted),
            dropped=dropped,
            window=len(quality),
            auc=quality.auc(),
            log_loss=quality.log_loss(),
            base_log_loss=quality.base_log_loss(),
            missing=missing,
            bands=quality.bands(self.spec.scoring.bands),
            segments=quality.segments(),
            weights=self._state.policies.weights(self.spec),
            costs=self._state.costs.figures(),
        )

    # ------------------------------------------------------------------ the payload

    def _pack(self, version: int, valid_from: int) -> bytes:
        policies = self._state.policies.freeze(self.spec)
        compiled = compile_model(self._state.model, self._features, version, valid_from, policies)
        return pack(compiled, self._state)

    def _go_on_from(self, payload: bytes, manifest: Manifest) -> None:
        state: _State = unpack_tail(payload, self.spec.model.packages)
        if state.spec != self.spec.model:
            raise KindError(
                f"the snapshot was learned as {state.spec}, the configuration says "
                f"{self.spec.model}: give the model another name, or learn again"
            )
        if not hasattr(state, "policies"):  # a snapshot from before policies were learned
            state.policies = PolicyLearner(self.spec)
        if not hasattr(state, "costs"):
            state.costs = SourceCosts(self.spec)
        self._state = state
        compiled = unpack_head(payload, self.spec.model.packages)
        self._scorer = make_scorer(self.spec, compiled, maturity_of(manifest))


def _until_in_force(spec: Spec) -> int:
    """From a score to when a model that learned its label may score, microseconds."""
    return spec.labels.horizon + spec.learning.every + spec.learning.activation_delay


def _published(metrics: EpochMetrics) -> dict[str, float | None]:
    return {
        "auc": metrics.auc,
        "log_loss": metrics.log_loss,
        "base_log_loss": metrics.base_log_loss,
        **published(metrics.costs),
    }

"""What the trainer says besides snapshots: figures on the drift topic, who scores in the log."""

from __future__ import annotations

import structlog

from models.engine.requests import Output
from models.learning.reign import better, said
from models.learning.trainer import EpochMetrics
from models.spec import Spec
from schemas.codec import encode
from schemas.drift import Prequential
from schemas.snapshots import Manifest, Reign
from schemas.times import format_time
from streams.clock import now_us

log = structlog.get_logger(__name__)


def figures(manifest: Manifest, metrics: EpochMetrics) -> Output:
    """The drift topic's record about a model's epoch."""
    record = Prequential(
        app=manifest.app,
        model=manifest.name,
        epoch=format_time(manifest.epoch),
        version=manifest.version,
        examples=metrics.learned,
        positives=metrics.positives,
        learned=manifest.learned,
        window=metrics.window,
        auc=metrics.auc,
        log_loss=metrics.log_loss,
        base_log_loss=metrics.base_log_loss,
        missing=metrics.missing,
        dropped=metrics.dropped,
        emitted_at=format_time(now_us()),
        bands=metrics.bands,
        weights=metrics.weights,
        segments=metrics.segments,
        costs=metrics.costs,
    )
    return Output("drift", manifest.name.encode(), encode(record))


def tell_of_reign(spec: Spec, before: Reign, after: Reign) -> None:
    """Log who scores from now on, or who might."""
    if (before.name, before.since, before.pinned) != (after.name, after.since, after.pinned):
        log.info("another model scores", model=after.name, by=after.by, reason=after.reason)
    best = better(after.evidence)
    if best is not None and (spec.learning.promote == "manual" or after.held):
        every = spec.learning.evidence_every or spec.labels.horizon
        log.info(
            "a challenger is better: ebbline models promote makes it score",
            model=best.model,
            evidence=said(best, after.name, every),
        )

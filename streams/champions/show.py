"""Models as tables for a terminal, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from models.learning.maturity import maturity_of
from models.spec import Spec
from schemas.snapshots import Manifest, Paired, Reign
from schemas.times import format_duration, format_time
from streams.champions.overview import Overview

NOTHING = "–"


def rows(spec: Spec, overview: Overview) -> list[dict[str, Any]]:
    """Each configured model's standing."""
    found = []
    for model in spec.models:
        manifest, reign = overview.manifests[model.name], overview.reign
        scores = reign is not None and reign.name == model.name
        evidence = overview.evidence(model.name)
        found.append(
            {
                "model": model.name,
                "kind": model.kind,
                "scores": scores,
                "scoring_version": reign.version if reign is not None and scores else None,
                "newest_version": manifest.version if manifest else 0,
                "epoch": format_time(manifest.epoch) if manifest else None,
                "learned": manifest.learned if manifest else 0,
                "positives": manifest.positives if manifest else 0,
                "maturity": maturity_of(manifest) if manifest else "prior",
                "metrics": manifest.metrics if manifest else {},
                "evidence": asdict(evidence) if evidence else None,
            }
        )
    return found


def standing(spec: Spec, overview: Overview) -> Iterator[RenderableType]:
    """All models, how good they were on what they had not learned yet, and who scores."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "model", "kind"):
        table.add_column(name)
    for name in ("version", "learned", "churners", "maturity", "log loss", "base", "AUC"):
        table.add_column(name, justify="right")
    table.add_column("log loss lower than the champion's by")
    for row in rows(spec, overview):
        metrics = row["metrics"]
        version = str(row["newest_version"])
        if row["scores"] and row["scoring_version"] != row["newest_version"]:
            version = f"{row['scoring_version']} of {version}"
        table.add_row(
            "●" if row["scores"] else "",
            row["model"],
            row["kind"],
            version,
            f"{row['learned']:,}",
            f"{row['positives']:,}",
            row["maturity"],
            _figure(metrics.get("log_loss"), 4),
            _figure(metrics.get("base_log_loss"), 4),
            _figure(metrics.get("auc"), 3),
            _lead(overview.evidence(row["model"])),
        )
    yield table
    if overview.reign is None:
        yield Text("No epoch has been learned yet: the prior scores.")
    else:
        yield Text(f"● scores: {in_words(overview.reign)}")
    yield from _refused(overview)


def particulars(spec: Spec, overview: Overview, name: str) -> Iterator[RenderableType]:
    """One model: its newest announcement, its evidence, its reigns."""
    manifest = overview.manifests[name]
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    for key, value in _facts(spec, overview, name, manifest):
        table.add_row(key, value)
    yield table
    changes = Table("epoch", "scores from", "champion", "why", box=None, header_style="dim")
    for epoch, valid_from, reign in overview.changes:
        if name in (reign.name, reign.before):
            changes.add_row(
                format_time(epoch), format_time(valid_from), _champion(reign), reign.reason
            )
    if changes.row_count:
        yield changes
    yield from _refused(overview)


def in_words(reign: Reign) -> str:
    """Who scores, and why."""
    since = f" since {format_time(reign.since)}" if reign.since else ""
    held = "; evidence promotes nobody until the next ebbline models promote" if reign.held else ""
    return f"{_champion(reign)}{since}, by {reign.by}: {reign.reason}{held}"


def _facts(
    spec: Spec, overview: Overview, name: str, manifest: Manifest | None
) -> Iterator[tuple[str, str]]:
    model = next(model for model in spec.models if model.name == name)
    yield "model", f"{name} ({model.kind}; {_params(model.params)})"
    if manifest is None:
        yield "learned", "nothing was announced yet"
        return
    kept = overview.kept(name)
    yield "newest version", f"{manifest.version}, epoch of {format_time(manifest.epoch)}"
    yield "can go back to", f"versions {kept[0]} to {kept[-1]}" if kept else NOTHING
    yield "learned", f"{manifest.learned:,} examples, {manifest.positives:,} of churners"
    yield "maturity", maturity_of(manifest)
    yield "figures", ", ".join(f"{k} {_figure(v, 5)}" for k, v in manifest.metrics.items())
    yield "payload", f"{manifest.payload} ({manifest.size:,} bytes)"
    if (paired := overview.evidence(name)) is not None:
        every = spec.learning.evidence_every or spec.labels.horizon
        yield (
            "evidence",
            f"{_lead(paired)}; {paired.blocks} blocks of {format_duration(every)}, "
            f"{paired.examples:,} examples",
        )


def _params(params: tuple[tuple[str, Any], ...]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in params) or "default params"


def _champion(reign: Reign) -> str:
    return f"{reign.name} {reign.version if reign.pinned else '(newest version)'}"


def _lead(paired: Paired | None) -> str:
    if paired is None:
        return ""
    if paired.lower is None or paired.upper is None:
        return f"{paired.mean:+.5f} ({paired.blocks} blocks: too few to say)"
    return f"{paired.mean:+.5f} ({paired.lower:+.5f} to {paired.upper:+.5f})"


def _figure(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:.{digits}f}"


def _refused(overview: Overview) -> Iterator[RenderableType]:
    if overview.refused:
        yield Text(
            f"{overview.refused} announcements were left out: EBBLINE_SIGNING_KEY did not sign "
            "them.",
            style="yellow",
        )

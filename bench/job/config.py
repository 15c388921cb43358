"""The job as Ebbline's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.config import Config, parse_config

TEMPLATE = Path(__file__).with_name("ebbline.toml")

FEATURES: tuple[dict[str, Any], ...] = (
    {"name": "use_1d", "source": "usage", "agg": "count", "window": "1d"},
    {"name": "use_7d", "source": "usage", "agg": "count", "window": "7d"},
    {"name": "use_28d", "source": "usage", "agg": "count", "window": "28d"},
    {"name": "minutes_1d", "source": "usage", "agg": "sum", "of": "value", "window": "1d"},
    {"name": "minutes_7d", "source": "usage", "agg": "sum", "of": "value", "window": "7d"},
    {"name": "minutes_28d", "source": "usage", "agg": "sum", "of": "value", "window": "28d"},
    {"name": "minutes_mean_7d", "source": "usage", "agg": "mean", "of": "value", "window": "7d"},
    {"name": "minutes_std_28d", "source": "usage", "agg": "std", "of": "value", "window": "28d"},
    {"name": "minutes_max_28d", "source": "usage", "agg": "max", "of": "value", "window": "28d"},
    {"name": "minutes_min_7d", "source": "usage", "agg": "min", "of": "value", "window": "7d"},
    {
        "name": "minutes_trend",
        "source": "usage",
        "agg": "trend",
        "of": "value",
        "window": "7d",
        "over": "28d",
    },
    {
        "name": "exports_28d",
        "source": "usage",
        "agg": "count",
        "window": "28d",
        "where": {"kind": "export"},
    },
    {"name": "since_use", "source": "usage", "agg": "last_seen_age"},
    {"name": "last_minutes", "source": "usage", "agg": "last", "of": "value"},
    {"name": "tickets_28d", "source": "support", "agg": "count", "window": "28d"},
    {
        "name": "urgent_28d",
        "source": "support",
        "agg": "count",
        "window": "28d",
        "where": {"kind": "high"},
    },
    {"name": "since_ticket", "source": "support", "agg": "last_seen_age"},
    {"name": "paid_28d", "source": "billing", "agg": "sum", "of": "value", "window": "28d"},
    {
        "name": "paid_ratio",
        "source": "billing",
        "agg": "ratio",
        "of": "value",
        "window": "7d",
        "over": "28d",
    },
    {"name": "last_paid", "source": "billing", "agg": "last", "of": "value"},
)


def text(app: str, prefix: str, features: Sequence[dict[str, Any]] = FEATURES) -> str:
    """``ebbline.toml`` of one run. prefix: of the names of the three input topics."""
    tables = "\n".join(_table(feature) for feature in features)
    return TEMPLATE.read_text().format(app=app, prefix=prefix, features=tables)


def config(app: str, prefix: str) -> Config:
    """The same, read and checked."""
    return parse_config(text(app, prefix))


def _table(feature: dict[str, Any]) -> str:
    lines = [f"{key} = {_value(value)}" for key, value in feature.items()]
    return "\n".join(["[[features]]", *lines, ""])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'{k} = "{v}"' for k, v in value.items()) + " }"
    return f'"{value}"'

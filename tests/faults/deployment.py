"""The deployment that lives through the faults: three sources, everything that keeps state."""

from __future__ import annotations

from pathlib import Path
from string import Template

SOURCES = ("usage", "billing", "outcomes")
PARTITIONS = 3
SIGNING_KEY = "a secret of the tests, long enough"

_CONFIG = Template("""
features = [
  { name = "events", source = "usage", agg = "count", window = "7d" },
  { name = "amount", source = "usage", agg = "sum", of = "n", window = "7d" },
  { name = "mean", source = "usage", agg = "mean", of = "n", window = "3d" },
  { name = "largest", source = "usage", agg = "max", of = "n", window = "3d" },
  { name = "spread", source = "usage", agg = "std", of = "n", window = "7d" },
  { name = "newest", source = "usage", agg = "last", of = "n" },
  { name = "idle", source = "usage", agg = "last_seen_age" },
  { name = "kinds", source = "usage", agg = "distinct", of = "k", window = "7d" },
  { name = "some", source = "usage", agg = "count", where = { k = "a" }, window = "7d" },
  { name = "trend", source = "usage", agg = "trend", window = "2d", over = "6d" },
  { name = "paid", source = "billing", agg = "sum", of = "n", window = "7d" },
  { name = "bills", source = "billing", agg = "count", window = "7d" },
  { name = "age", agg = "user_age" },
]

[app]
name = "$app"
clock = "arrival"
grid = "1d"
max_future = "1d"

[sources.usage]
topic = "$app.usage"
user = "user"
time = { path = "at", unit = "us" }
event_id = "id"
completeness = "data"
out_of_orderness = "1h"
allowed_lateness = "1d"
stale_after = "2d"
max_bytes = 10000
[sources.usage.fields]
n = { path = "data.n", type = "number" }
k = { path = "data.k", type = "string", required = false }

[sources.billing]
topic = "$app.billing"
user = "user"
time = { path = "at", unit = "us" }
completeness = "heartbeat"
allowed_lateness = "2d"
stale_after = "1d"
[sources.billing.fields]
n = { path = "data.n", type = "number" }

[sources.outcomes]
topic = "$app.outcomes"
user = "user"
time = { path = "at", unit = "us" }
max_delay = "6h"
outcome = { path = "kind", churn = ["churn"], leave = ["leave"], return = ["return"] }

[labels]
rule = "outcome"
horizon = "3d"

[scores]
schedule = { every = "1d", anchor = "2020-01-06T00:00:00Z" }
on_event = { min_interval = "8h", sources = ["usage"] }
bands = { low = 0.0, high = 0.3 }

[model]
prior = 0.1

[learning]
every = "1d"
activation_delay = "6h"
example_every = "2d"
complete_within = "1d"
model_wait = "$model_wait"

[topics]
scores = "$app.scores"
sources = "$app.sources"
deadletter = "$app.deadletter"
examples = "$app.examples"
models = "$app.models"
drift = "$app.drift"

[worker]
web_port = 0
max_batch = $max_batch
capacity = $capacity
session_timeout = "$session"
""")


def write(
    path: Path,
    app: str,
    *,
    session: str = "6s",
    max_batch: int = 40,
    capacity: int = 8,
    model_wait: str = "0s",
) -> Path:
    """Write the deployment's configuration.

    Few users fit into memory, so that state is really loaded; without a trainer nobody waits for
    a model.
    """
    text = _CONFIG.substitute(
        app=app,
        session=session,
        max_batch=max_batch,
        capacity=capacity,
        model_wait=model_wait,
    )
    path.write_text(text)
    return path

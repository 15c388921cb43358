"""A small deployment with topics of its own, for tests of the commands with plain clients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaAdminClient

from streams.cli import main
from streams.config import Config, load_config

TEXT = """
[app]
name = "{app}"
clock = "{clock}"

[sources.usage]
topic = "{app}.usage"
user = "u"
time = {{ path = "t", unit = "ms" }}

[sources.outcomes]
topic = "{app}.outcomes"
user = "u"
time = {{ path = "t", unit = "ms" }}
outcome = {{ path = "kind", churn = ["gone"] }}
max_delay = "1h"

[[features]]
name = "n"
source = "usage"
agg = "count"
window = "7d"

[labels]
rule = "outcome"
horizon = "14d"

[scores]
schedule = {{ every = "1d" }}

[topics]
scores = "{app}.scores"
sources = "{app}.sources"
deadletter = "{app}.deadletter"
examples = "{app}.examples"
models = "{app}.models"
drift = "{app}.drift"
"""


@dataclass(frozen=True)
class Deployment:
    """A configuration file, and the addresses that its commands are given."""

    app: str
    file: Path
    environment: dict[str, str]

    @property
    def config(self) -> Config:
        return load_config(self.file)

    @property
    def topics(self) -> list[str]:
        return [*self.config.input_topics, *self.config.topics.all()]

    def with_clock(self, clock: str) -> Deployment:
        self.file.write_text(TEXT.format(app=self.app, clock=clock))
        return self

    def at(self, **environment: str) -> Deployment:
        return replace(self, environment={**self.environment, **environment})

    def run(self, *words: str, answer: str | None = None) -> Result:
        """Run ``ebbline`` with these words, in this process."""
        words = (*words, "--config", str(self.file))
        return CliRunner().invoke(main, words, env=self.environment, input=answer)


@pytest.fixture
def deployment(
    bootstrap_servers: str, redis_url: str, fresh_name: str, tmp_path: Path
) -> Iterator[Any]:
    """A Deployment on the real services; its topics are deleted afterwards."""
    addresses = {"KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers, "REDIS_URL": redis_url}
    made = Deployment(fresh_name, tmp_path / "ebbline.toml", addresses).with_clock("live")
    yield made
    admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers)
    left = sorted(set(admin.list_topics()) & set(made.topics))
    if left:
        admin.delete_topics(left)
    admin.close()

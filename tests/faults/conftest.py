"""Faults need real services, found or started as in the integration tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.registry import Stage
from tests.integration.conftest import services

__all__ = ["services"]
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for a stage needs the services and takes long: nobody has to remember it."""
    for item in items:
        if _HERE in item.path.parents and "stage" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def stage(services, tmp_path: Path) -> Stage:
    return Stage(services.bootstrap_servers, services.redis_url, tmp_path)

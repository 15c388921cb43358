"""Nothing listens beyond this machine unless the configuration says so."""

from __future__ import annotations

import urllib.request
from asyncio import to_thread

from streams.config.loading import parse_config
from streams.config.starter import starter_text
from streams.telemetry.metrics import Metrics
from streams.telemetry.web import serve

STARTER = starter_text()


def test_the_default_is_loopback() -> None:
    lines = [line for line in STARTER.splitlines() if not line.startswith(("web_host", "web_port"))]
    assert parse_config("\n".join(lines)).web.host == "127.0.0.1"
    assert parse_config(STARTER).web.host == "127.0.0.1"


def test_another_address_can_be_named() -> None:
    text = STARTER.replace('web_host = "127.0.0.1"', 'web_host = "0.0.0.0"')
    assert parse_config(text).web.host == "0.0.0.0"


async def test_it_serves_on_the_address_that_it_is_given() -> None:
    served = serve("127.0.0.1", 0, Metrics(), alive=lambda: None, ready=lambda: "not yet")
    async with served as port:
        page = await to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/healthz")
        assert page.read() == b"ok\n"

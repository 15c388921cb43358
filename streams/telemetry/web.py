"""``/metrics``, ``/healthz`` and ``/readyz``, on loopback unless told otherwise."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import generate_latest

from streams.telemetry.metrics import Metrics

Check = Callable[[], str | None]
"""Says what is wrong, None when all is well."""


@asynccontextmanager
async def serve(
    host: str, port: int, metrics: Metrics, alive: Check, ready: Check
) -> AsyncIterator[int]:
    """Serve until left; gives the port (``port`` 0 takes a free one)."""

    async def show_metrics(_: web.Request) -> web.Response:
        body = generate_latest(metrics.registry)
        return web.Response(body=body, content_type="text/plain", charset="utf-8")

    app = web.Application()
    app.router.add_get("/metrics", show_metrics)
    app.router.add_get("/healthz", _answer(alive))
    app.router.add_get("/readyz", _answer(ready))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _answer(check: Check) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        wrong = check()
        return web.Response(text=(wrong or "ok") + "\n", status=503 if wrong else 200)

    return answer

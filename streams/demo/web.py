"""The demo's page on loopback: shows the moments, and takes wishes to cut and restore sources.

A wish needs a header that no other site's page can send, and the address must be the loopback's
own name, so that a page opened elsewhere in the same browser can neither read nor disturb it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from importlib.resources import files

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from streams.demo.faults import Faults
from streams.demo.moment import Moment
from streams.demo.page_data import page_data
from streams.embedded.ports import LOOPBACK, free_port, is_free

DEFAULT_PORT = 8650
WISH_HEADER = "X-Ebbline-Demo"
START_S = 10.0
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class PortTaken(RuntimeError):
    """Something listens on the port that was asked for."""


def choose_port(wanted: int | None) -> int:
    """The port asked for, else the usual one, else any free one."""
    if wanted is not None:
        if wanted and not is_free(wanted):
            raise PortTaken(f"port {wanted} is taken; choose another: --port, or --no-web")
        return wanted or free_port()
    return DEFAULT_PORT if is_free(DEFAULT_PORT) else free_port()


class Page:
    """The web server, in a thread of its own.

    Parameters
    ----------
    newest
        Gives the newest moment; None before there is one.
    faults
        Where wishes go.
    port
        On loopback.
    """

    def __init__(self, newest: Callable[[], Moment | None], faults: Faults, port: int) -> None:
        self.port = port
        self._newest = newest
        self._faults = faults
        self._html = files("streams.demo").joinpath("page.html").read_text(encoding="utf-8")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)
        self._up = threading.Event()

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{LOOPBACK}:{self.port}/"

    def start(self) -> None:
        """Serve; returns when the page can be opened."""
        self._thread.start()
        if not self._up.wait(START_S):
            raise PortTaken(f"no web server on port {self.port}; choose another with --port")

    def stop(self) -> None:
        """End the server."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5)

    def application(self) -> web.Application:
        """Make the routes."""
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._page)
        app.router.add_get("/api/moment", self._moment)
        app.router.add_post("/api/sources/{source}/{wish}", self._wish)
        return app

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(self.application(), access_log=None)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, LOOPBACK, self.port).start())
        self._up.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    @staticmethod
    @web.middleware
    async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = (request.host or "").rpartition(":")[0] or request.host
        if name not in (LOOPBACK, "localhost"):
            raise web.HTTPForbidden(text="open this page by the address that the demo printed\n")
        response = await handler(request)
        response.headers.update(_SECURITY)
        return response

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=self._html, content_type="text/html")

    async def _moment(self, _: web.Request) -> web.Response:
        moment = self._newest()
        content = orjson.dumps(None if moment is None else page_data(moment))
        return web.Response(body=content, content_type="application/json")

    async def _wish(self, request: web.Request) -> web.Response:
        if WISH_HEADER not in request.headers:
            raise web.HTTPForbidden(text=f"a wish needs the header {WISH_HEADER}\n")
        wishes = {"cut": self._faults.cut, "restore": self._faults.restore}
        wish = wishes.get(request.match_info["wish"])
        if wish is None:
            raise web.HTTPNotFound(text="a source can be cut or restored\n")
        try:
            wish(request.match_info["source"])
        except ValueError as error:
            raise web.HTTPNotFound(text=f"{error}\n") from error
        return web.Response(status=204)

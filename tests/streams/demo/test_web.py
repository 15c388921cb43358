"""The page: served on loopback, shows the newest moment, takes wishes from itself only."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
from aiohttp.test_utils import TestClient, TestServer

from streams.demo import web
from streams.demo.faults import Faults
from streams.demo.web import WISH_HEADER, Page, PortTaken, choose_port
from streams.embedded.ports import free_port

HTML = files("streams.demo").joinpath("page.html").read_text(encoding="utf-8")


@pytest.fixture
async def faults() -> Faults:
    return Faults()


@pytest.fixture
async def client(faults):
    page = Page(lambda: None, faults, 0)
    async with TestClient(TestServer(page.application())) as client:
        yield client


async def test_serves_the_page(client):
    answer = await client.get("/")
    assert answer.status == 200
    assert await answer.text() == HTML
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_no_moment_yet(client):
    assert await (await client.get("/api/moment")).json() is None


async def test_cut_and_restore(client, faults):
    header = {WISH_HEADER: "1"}
    assert (await client.post("/api/sources/usage/cut", headers=header)).status == 204
    assert faults.wanted_cut == {"usage"}
    assert (await client.post("/api/sources/usage/restore", headers=header)).status == 204
    assert faults.wanted_cut == frozenset()


async def test_a_wish_of_another_site_is_refused(client, faults):
    assert (await client.post("/api/sources/usage/cut")).status == 403
    assert faults.wanted_cut == frozenset()


@pytest.mark.parametrize("path", ["outcomes/cut", "nothing/cut", "usage/explode"])
async def test_wishes_that_cannot_be_fulfilled(client, faults, path):
    answer = await client.post(f"/api/sources/{path}", headers={WISH_HEADER: "1"})
    assert answer.status == 404
    assert faults.wanted_cut == frozenset()


async def test_another_name_for_this_host_is_refused(client):
    answer = await client.get("/api/moment", headers={"Host": "evil.example:80"})
    assert answer.status == 403


def test_the_page_needs_nothing_from_outside():
    addresses = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(https?:|//)", HTML)
    assert addresses == []
    assert "innerHTML" not in HTML, "what comes from events is put in as text only"
    assert set(re.findall(r"https?://[^\"' ]+", HTML)) == {"http://www.w3.org/2000/svg"}


def test_the_page_runs_in_a_thread_of_its_own():
    import urllib.request

    page = Page(lambda: None, Faults(), free_port())
    page.start()
    try:
        with urllib.request.urlopen(page.address, timeout=10) as answer:
            assert answer.status == 200
    finally:
        page.stop()


def test_ports(monkeypatch):
    assert choose_port(0) > 0
    monkeypatch.setattr(web, "is_free", lambda port: port != 8650)
    assert choose_port(None) != 8650
    assert choose_port(8651) == 8651
    with pytest.raises(PortTaken, match="8650 is taken"):
        choose_port(8650)

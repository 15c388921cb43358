"""The commands: check, schema, init."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema
import orjson
import pytest
from click.testing import CliRunner, Result

from models.learning.factory import KINDS
from streams.cli import main
from streams.config import parse_config
from streams.config.checks.scores import MODEL_KINDS
from streams.config.starter import starter_text

DEMO = Path(__file__).parents[3] / "streams" / "demo" / "ebbline.toml"


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env=env)


def test_init_then_check(tmp_path: Path) -> None:
    written = run("init", tmp_path)
    assert written.exit_code == 0
    file = tmp_path / "ebbline.toml"
    assert "ebbline config check" in written.output
    result = run("config", "check", file)
    assert result.exit_code == 0, result.output
    for said in ("usage", "billing", "support", "outcomes", "features", "fs-", "KiB a user"):
        assert said in result.output


def test_init_never_overwrites_unasked(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("precious")
    refused = run("init", file)
    assert refused.exit_code == 1
    assert "--force" in refused.output
    assert file.read_text() == "precious"
    assert run("init", "--force", file).exit_code == 0
    assert file.read_text(encoding="utf-8") == starter_text()
    assert run("init", tmp_path / "no" / "folder.toml").exit_code == 1


def test_check_says_everything_that_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "e.toml"
    file.write_text(starter_text().replace('agg = "sum"', 'agg = "smu"').replace("grid", "gird"))
    result = run("config", "check", file)
    assert result.exit_code == 1
    assert "2 problems" in result.output
    assert 'Did you mean "sum"?' in result.output
    assert 'Did you mean "grid"?' in result.output


def test_check_takes_the_file_from_the_environment(tmp_path: Path) -> None:
    result = run("config", "check", env={"EBBLINE_CONFIG": str(tmp_path / "x.toml")})
    assert result.exit_code == 1
    assert "x.toml" in result.output
    assert "ebbline init" in result.output


@pytest.fixture(scope="module")
def schema() -> dict[str, object]:
    result = run("config", "schema")
    assert result.exit_code == 0
    loaded = orjson.loads(result.output)
    jsonschema.Draft202012Validator.check_schema(loaded)
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("text", [starter_text(), DEMO.read_text(encoding="utf-8")])
def test_the_schema_holds_for_right_files(schema: dict[str, object], text: str) -> None:
    jsonschema.validate(tomllib.loads(text.replace("{name}", "demo")), schema)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("grid", "gird"),
        ('"6h"', '"6 hours"'),
        ('agg = "sum"', 'agg = "smu"'),
        ("web_port = 8080", 'web_port = "8080"'),
        ('topic = "events.usage"', 'topic = "events usage"'),
        ('name = "my-app"', ""),
    ],
)
def test_the_schema_finds_mistakes(schema: dict[str, object], old: str, new: str) -> None:
    broken = tomllib.loads(starter_text().replace(old, new, 1))
    assert not jsonschema.Draft202012Validator(schema).is_valid(broken)


def test_the_schemas_defaults_are_what_the_file_would_say(schema: dict[str, object]) -> None:
    validator = jsonschema.Draft202012Validator(schema)
    defaults = 0
    for section in schema["$defs"].values():  # type: ignore[attr-defined]
        for key in section["properties"].values():
            if "default" in key:
                defaults += 1
                validator.evolve(schema={**key, "$defs": schema["$defs"]}).validate(key["default"])
    assert defaults > 30


def test_the_starter_teaches_only_what_is_true() -> None:
    config = parse_config(starter_text())
    assert {source.completeness for source in config.spec.sources} == {
        "data",
        "clock",
        "heartbeat",
    }


def test_the_kinds_of_models_are_those_of_the_factory() -> None:
    assert set(MODEL_KINDS) == set(KINDS)

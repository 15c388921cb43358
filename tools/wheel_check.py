"""Build the wheel, install it where the source is out of sight, and use it.

An editable installation exposes the whole checkout, so a file that is missing from the wheel, or a
package that should not be in it, is noticed by nobody until a user installs it. This is that user:
a fresh environment with the pinned requirements (requirements/base.txt), an empty working folder.

    python tools/wheel_check.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("models", "schemas", "streams")
REQUIREMENTS = ROOT / "requirements" / "base.txt"

# Run inside the fresh environment: everything there, and from there.
_IMPORTS = """
import importlib, importlib.util, pathlib, sys
for name in ("streams", "models", "schemas"):
    module = importlib.import_module(name)
    where = pathlib.Path(module.__file__).resolve()
    assert pathlib.Path(sys.prefix).resolve() in where.parents, f"{name} is from {where}"
for absent in ("tests", "tools", "bench"):
    assert importlib.util.find_spec(absent) is None, f"{absent} is importable"
"""


class WheelError(Exception):
    """The wheel is not what it has to be."""


def main() -> int:
    """Build, look, install, use. 1 with a message if something is wrong."""
    started = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="ebbline-wheel-") as folder:
            check(Path(folder))
    except WheelError as error:
        print(f"wheel check failed: {error}", file=sys.stderr)
        return 1
    print(f"wheel check passed ({time.monotonic() - started:.0f} s)")
    return 0


def check(folder: Path) -> None:
    """All steps, in a folder of their own."""
    wheel = build(folder / "dist")
    check_contents(wheel)
    python = install(wheel, folder / "venv")
    empty = folder / "empty"
    empty.mkdir()
    run([str(python), "-c", _IMPORTS], cwd=empty)
    ebbline = str(python.with_name("ebbline"))
    run([ebbline, "--help"], cwd=empty)
    schema = run([ebbline, "config", "schema"], cwd=empty)
    if '"$defs"' not in schema and '"properties"' not in schema:
        raise WheelError(f"`ebbline config schema` printed no JSON Schema:\n{schema[:500]}")


def build(folder: Path) -> Path:
    """The wheel, built by the backend that is pinned in requirements/dev.txt."""
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    """Exactly the three packages, and every file of theirs: code, types, schemas, pages."""
    inside = set(zipfile.ZipFile(wheel).namelist())
    top = {name.split("/")[0] for name in inside}
    unexpected = {t for t in top - set(PACKAGES) if not t.endswith(".dist-info")}
    if unexpected or not set(PACKAGES) <= top:
        raise WheelError(f"it should hold {', '.join(PACKAGES)} only, and has {sorted(top)}")
    if missing := sorted(set(expected_files()) - inside):
        raise WheelError(f"files of the packages are missing from it: {missing}")


def expected_files() -> Iterator[str]:
    """The files of the packages in the checkout that belong to it (known to git or not yet)."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKAGES]
    for name in run(listing, cwd=ROOT).splitlines():
        if (ROOT / name).is_file():
            yield name


def install(wheel: Path, folder: Path) -> Path:
    """A fresh environment with the pinned requirements and the wheel; its interpreter."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pinned = ["--require-hashes", "-r", str(REQUIREMENTS)]
    alone = ["--no-deps", str(wheel)]
    try:
        for arguments in (pinned, alone):
            run(
                [
                    sys.executable,
                    "-m",
                    "uv",
                    "pip",
                    "install",
                    "-q",
                    "--python",
                    str(python),
                    *arguments,
                ]
            )
    except WheelError:
        # uv is quick, but knows nothing of a mirror or certificate that only pip was told about.
        venv.create(folder, with_pip=True, clear=True)
        for arguments in (pinned, alone):
            run([str(python), "-m", "pip", "install", "-q", *arguments])
    return python


def run(command: list[str], cwd: Path = ROOT) -> str:
    """What it prints. The checkout is on no path that it sees."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "EBBLINE_CONFIG")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**environment, "PYTHONSAFEPATH": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        shown = " ".join(command[:6])
        raise WheelError(f"`{shown} …` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())

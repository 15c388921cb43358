"""Find an environment that has the dependencies, so that an example starts from a fresh clone.

Only the standard library is imported here: this is what runs before anything is installed.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("aiokafka", "faust", "pyarrow", "river", "redis")
_TRIED = "EBBLINE_EXAMPLE_RESTARTED"


def with_dependencies() -> None:
    """Return if this interpreter has what is needed; else start again with the checkout's own."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        return
    if os.environ.get(_TRIED):
        sys.exit(f"{sys.executable} lacks {', '.join(missing)}. Run: make -C {ROOT} venv")
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        print(f"making {python.parent.parent} (make venv), once", file=sys.stderr)
        subprocess.run(["make", "-C", str(ROOT), "venv"], check=True, stdout=sys.stderr)  # noqa: S607
    os.environ[_TRIED] = "1"
    os.execv(python, [str(python), *sys.argv])  # noqa: S606 - same program, other interpreter

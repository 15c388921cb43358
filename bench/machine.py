"""What the bench ran on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.context import ROOT, Context

OURS = ("faust-streaming", "aiokafka", "river", "numpy", "orjson", "redis")
THEIRS = ("quixstreams", "bytewax", "confluent-kafka", "river", "orjson")


def describe(context: Context) -> dict[str, Any]:
    """CPU, cores, memory, versions, services, load before the run, commit."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": said("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in OURS},
        "peers_packages": _peers(context.peers_python),
        "kafka": context.services.kafka_kind,
        "redis": context.services.redis_kind,
        "runs": context.runs,
        "quick": context.quick,
    }


def cpu_name() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    names = [
        line.partition(":")[2].strip()
        for line in info.read_text().splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()


def _peers(python: Path) -> dict[str, str]:
    ask = "import sys, importlib.metadata as m; print(*(m.version(n) for n in sys.argv[1:]))"
    versions = said(str(python), "-c", ask, *THEIRS).split()
    return dict(zip(THEIRS, versions, strict=False))


def said(*command: str) -> str:
    """What a command writes."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()

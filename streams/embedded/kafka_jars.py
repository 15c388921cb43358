"""The jars of Apache Kafka, fetched once by Maven as tools/kafka/pom.xml says.

Maven is used, not a download of our own, because it checks checksums and knows the mirrors that a
company's machines have been told about; this project names no registry host.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from streams.embedded.errors import ServiceUnavailable

ROOT = Path(__file__).resolve().parents[2]
POM = ROOT / "tools" / "kafka" / "pom.xml"
LOG4J = ROOT / "tools" / "kafka" / "log4j2.properties"
_STAMP = ".complete"
_OTHERWISE = (
    "or give the address of a running broker in KAFKA_BOOTSTRAP_SERVERS, "
    "or start a container engine that has the image"
)


def find_java() -> str:
    """The `java` to use: JAVA_HOME's, else the one on the PATH."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    if java is None:
        raise ServiceUnavailable(
            "Apache Kafka needs Java 17 or later, and there is no `java` on the PATH. "
            f"Install one (Debian: apt-get install openjdk-17-jre-headless), {_OTHERWISE}."
        )
    return java


def default_folder() -> Path:
    """Where the jars are kept: EBBLINE_KAFKA_LIBS, else build/kafka-libs of this checkout."""
    given = os.environ.get("EBBLINE_KAFKA_LIBS")
    return Path(given).resolve() if given else ROOT / "build" / "kafka-libs"


def ensure_jars(folder: Path | None = None) -> Path:
    """The folder with the jars; they are fetched first if they aren't there.

    Processes that ask at the same time wait for one of them to do it. A changed pom.xml means
    that they are fetched again.
    """
    libs = folder or default_folder()
    if _complete(libs):
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    with libs.with_name(libs.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(libs):
            _fetch(libs)
    return libs


def _complete(libs: Path) -> bool:
    stamp = libs / _STAMP
    if not POM.is_file():  # an installed wheel: take a folder that somebody filled
        return any(libs.glob("kafka_2.13-*.jar"))
    return stamp.is_file() and stamp.read_text() == POM.read_text()


def _fetch(libs: Path) -> None:
    mvn = shutil.which("mvn")
    if not POM.is_file() or mvn is None:
        missing = "`mvn` (Apache Maven)" if mvn is None else str(POM)
        raise ServiceUnavailable(
            f"The jars of Apache Kafka are not in {libs}, and {missing} is missing to fetch them. "
            "Install Maven (Debian: apt-get install maven) in a source checkout, or let "
            f"EBBLINE_KAFKA_LIBS name a folder that holds them, {_OTHERWISE}."
        )
    print(f"fetching the jars of Apache Kafka into {libs} (once, 43 MB)", file=sys.stderr)
    fresh = Path(tempfile.mkdtemp(prefix=libs.name + ".", dir=libs.parent))
    try:
        _copy_dependencies(mvn, fresh)
        shutil.rmtree(libs, ignore_errors=True)
        fresh.rename(libs)  # all or nothing: a broken download is never taken for a complete one
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _copy_dependencies(mvn: str, folder: Path) -> None:
    goal = "dependency:copy-dependencies"
    done = subprocess.run(
        [mvn, "-q", "-B", "-f", str(POM), goal, f"-DoutputDirectory={folder}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ServiceUnavailable(
            f"Maven could not fetch the jars of Apache Kafka ({goal}, {POM}): "
            f"is its registry reachable from here?\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
        )
    folder.chmod(0o755)  # mkdtemp makes it private
    (folder / _STAMP).write_text(POM.read_text())

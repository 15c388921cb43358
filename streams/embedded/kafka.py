"""A real Apache Kafka on this machine: one KRaft node, from its own jars.

Tests of committed offsets, rebalances and crashes prove nothing against an imitation. This one can
be killed and started again on the same data and the same address, which is what those tests do.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.embedded import kafka_jars
from streams.embedded.errors import ServiceUnavailable
from streams.embedded.ports import LOOPBACK, free_port
from streams.embedded.process import OwnedProcess

_START_TIMEOUT = 90.0  # seconds; 4 to 10 is usual, but a busy machine is no reason to fail
_STOP_TIMEOUT = 30.0
_NODE_ID = 1

# What differs from Kafka's own defaults, and why. Containers are given the same.
SINGLE_NODE_DEFAULTS = {
    # One node: nothing can be replicated.
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # 50 partitions each would take seconds to create and to load.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    # Killed and started again, a broker is refused until its old session has run out (9 s).
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # A test should not wait 3 s for group members that won't come.
    "group.initial.rebalance.delay.ms": "0",
    # A typing error in a topic's name has to be an error.
    "auto.create.topics.enable": "false",
    # Replayed history carries old timestamps: the default would delete it minutes later.
    "log.retention.ms": "-1",
    # Nobody takes over from a single node, so there is nothing to hand over before it stops.
    "controlled.shutdown.enable": "false",
}


class LocalKafka:
    """One broker. `start`, `stop`, `kill` and `restart` keep data and address; `close` ends it all.

    Parameters
    ----------
    data_dir
        Folder of its data, kept by `close`. Default: a temporary one, removed by `close`.
    port, controller_port
        Ports on loopback. Default: free ones.
    config
        Further lines of `server.properties`; they win over the ones made here.
    heap
        The JVM's memory, as in `-Xmx512m`.
    jvm_args
        Further arguments of the JVM (`-Djava.security.auth.login.config=…`).
    scram
        Users that may log in by SASL/SCRAM-SHA-512 and their passwords, made with its data; the
        listener for them stands in `config`.
    libs
        Folder of the jars. Default: EBBLINE_KAFKA_LIBS, else build/kafka-libs, filled by Maven.
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        port: int | None = None,
        controller_port: int | None = None,
        config: Mapping[str, str] | None = None,
        heap: str = "512m",
        jvm_args: Sequence[str] = (),
        scram: Mapping[str, str] | None = None,
        libs: Path | None = None,
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="ebbline-kafka-"))
        self.port = port or free_port()
        self.controller_port = controller_port or free_port()
        self._config = dict(config or {})
        self._heap = heap
        self._jvm_args = list(jvm_args)
        self._scram = dict(scram or {})
        self._libs = libs
        self._process: OwnedProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """The address that clients are given; the same after every restart."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def log_path(self) -> Path:
        """The broker's log."""
        return self.data_dir / "kafka.log"

    @property
    def running(self) -> bool:
        """Whether the process is there (it may be stopping)."""
        return self._process is not None and self._process.alive

    @property
    def pid(self) -> int | None:
        """The id of the broker's process, while there is one."""
        return self._process.pid if self._process is not None and self._process.alive else None

    def start(self) -> Self:
        """Start it on its data, and return when it answers a client."""
        if self.running:
            return self
        java = kafka_jars.find_java()
        libs = kafka_jars.ensure_jars(self._libs)
        self._write_properties()
        deadline = time.monotonic() + _START_TIMEOUT
        self._format(java, libs)
        self._process = self._run(java, libs, "kafka.Kafka", str(self._properties))
        left = max(1.0, deadline - time.monotonic())
        self._process.wait_until(self._answers, timeout=left, log=self.log_path)
        return self

    def stop(self) -> None:
        """End it in order (SIGTERM); its data and its address stay."""
        if self._process is not None:
            self._process.terminate(_STOP_TIMEOUT)
            self._process = None

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); its data and its address stay."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def restart(self) -> Self:
        """Stop it and start it again on the same data and address."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """End it for good. Data in a temporary folder goes with it; other data stays whole."""
        if not self._temporary:
            self.stop()
            return
        self.kill()  # nobody will read this data again: no need to wait for an orderly end
        shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _properties(self) -> Path:
        return self.data_dir / "server.properties"

    def _write_properties(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        settings = {
            "process.roles": "broker,controller",
            "node.id": str(_NODE_ID),
            "controller.quorum.voters": f"{_NODE_ID}@{LOOPBACK}:{self.controller_port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port},"
            f"CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.port}",
            "log.dirs": str(self.data_dir / "data"),
            **SINGLE_NODE_DEFAULTS,
            **self._config,
        }
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))

    def _format(self, java: str, libs: Path) -> None:
        """Give an empty data folder its identity; Kafka refuses to start on one without."""
        if (self.data_dir / "data" / "meta.properties").is_file():
            return
        cluster = uuid.uuid4().hex[:22]
        users = [
            word
            for name, password in self._scram.items()
            for word in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
        ]
        tool = self._run(
            java,
            libs,
            "kafka.tools.StorageTool",
            *("format", "-t", cluster, "-c", str(self._properties), *users),
        )
        if tool.wait(_START_TIMEOUT) != 0:
            raise ServiceUnavailable(tool.report("could not format its data folder", self.log_path))

    def _run(self, java: str, libs: Path, main: str, *args: str) -> OwnedProcess:
        jvm = [f"-Xmx{self._heap}", "-XX:+UseSerialGC", "-Xshare:auto"]
        if kafka_jars.LOG4J.is_file():
            jvm.append(f"-Dlog4j2.configurationFile={kafka_jars.LOG4J}")
        jvm += [f"-Debbline.kafka.log={self.log_path}", *self._jvm_args]
        return OwnedProcess(
            [java, *jvm, "-cp", f"{libs}/*", main, *args],
            name="Apache Kafka",
            output=self.data_dir / "stdout.log",
        )

    def _answers(self) -> bool:
        """Whether a client gets a list of brokers with this one in it."""
        from streams.embedded.probe import kafka_answers

        return kafka_answers(self.bootstrap_servers)

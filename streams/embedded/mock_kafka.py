"""librdkafka's in-memory imitation of a Kafka cluster, for the demo: it needs no Java.

It speaks the real protocol on loopback, lives inside THIS process, and keeps nothing. Python's
confluent-kafka offers it only with topics that make themselves (always 4 partitions) and without
an answer to `create_topics`, so the wheel's own librdkafka is called directly, through ctypes:
`rd_kafka_mock_topic_create` gives topics the partition counts that co-partitioning needs.

What it cannot do (measured with librdkafka 2.x): create topics or describe configurations over the
wire. kafka-python needs `api_version=(2, 0, 0)` and `enable_idempotence=False` on it. A producer is
told the timestamp 1234 for everything; the record itself keeps the one that it was sent with. It
keeps about 5 MB of each topic partition and forgets the oldest beyond that, without a word.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.embedded.errors import ServiceUnavailable

_PRODUCER = 0  # rd_kafka_type_t; which one is of no consequence, the cluster only lives in it
_ERROR_BYTES = 512
_REMEDY = (
    "Install it with `pip install 'ebbline[demo]'` (wheels for Linux and macOS), "
    "or give the address of a running broker in KAFKA_BOOTSTRAP_SERVERS."
)


def find_librdkafka() -> Path:
    """The library inside the confluent-kafka wheel.

    Linux wheels keep it in `confluent_kafka.libs` beside the package (auditwheel), macOS wheels in
    `confluent_kafka/.dylibs` (delocate).
    """
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise ServiceUnavailable(f"The embedded broker needs confluent-kafka. {_REMEDY}")
    package = Path(spec.origin).parent
    folders = (package.parent / "confluent_kafka.libs", package / ".dylibs")
    found = sorted(p for folder in folders for p in folder.glob("librdkafka*") if p.is_file())
    if not found:
        raise ServiceUnavailable(
            f"confluent-kafka at {package} brings no librdkafka of its own (built from source, or "
            f"on {sys.platform}?), so its in-memory broker can't be used. {_REMEDY}"
        )
    return found[0]


def _load() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(find_librdkafka()))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures: dict[str, tuple[type | None, list[type]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [number]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


class MockKafka:
    """An in-memory cluster in this process, from the moment it is made until `close`."""

    def __init__(self, brokers: int = 1) -> None:
        self._lib = _load()
        self._client = self._new_client()
        self._cluster: int | None = self._lib.rd_kafka_mock_cluster_new(self._client, brokers)
        if not self._cluster:
            self._lib.rd_kafka_destroy(self._client)
            raise ServiceUnavailable("librdkafka could not open its in-memory broker on loopback.")
        # As on the real broker that is started here: group members need not wait for others (3 s).
        self._lib.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self._bootstrap: str = self._lib.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self._partitions: dict[str, int] = {}

    @property
    def bootstrap_servers(self) -> str:
        """The address that clients are given."""
        return self._bootstrap

    @property
    def topics(self) -> dict[str, int]:
        """The topics created here, with their partition counts."""
        return dict(self._partitions)

    def create_topic(self, name: str, partitions: int) -> None:
        """Create a topic; nothing happens if it exists with as many partitions.

        Raises
        ------
        ValueError
            If it exists with another number of partitions, or its name or number is refused.
        """
        if self._cluster is None:
            raise ValueError("the in-memory broker has been closed")
        if self._partitions.get(name) == partitions:
            return
        code = self._lib.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1)
        if code != 0:
            reason = self._lib.rd_kafka_err2str(code).decode()
            raise ValueError(f"topic {name!r} with {partitions} partitions: {reason}")
        self._partitions[name] = partitions

    def close(self) -> None:
        """End it; all records are gone."""
        if self._cluster is None:
            return
        self._lib.rd_kafka_mock_cluster_destroy(self._cluster)
        self._lib.rd_kafka_destroy(self._client)
        self._cluster = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _new_client(self) -> int:
        """The librdkafka client that the cluster's threads belong to; it talks to nobody."""
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        settings = self._lib.rd_kafka_conf_new()
        # Emergencies only: it says on stderr that it has no broker to talk to, which is the point.
        self._lib.rd_kafka_conf_set(settings, b"log_level", b"0", error, _ERROR_BYTES)
        client: int | None = self._lib.rd_kafka_new(_PRODUCER, settings, error, _ERROR_BYTES)
        if not client:
            raise ServiceUnavailable(f"librdkafka: {error.value.decode(errors='replace')}")
        return client

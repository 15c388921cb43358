"""Services that this project starts by itself, and stops again: a broker and a state store.

A stranger who clones the repository has neither Kafka nor Redis running, and a test that needs
someone else's server is a test that isn't run. So every entry point (the demo, the examples, the
tests, `make services`) asks ONE function, `resolve_services`, and gets addresses: from the
environment, from containers, or from processes that are started here, on loopback, on free ports,
in temporary folders, and that die with the process that started them.

Importing this package is cheap: clients, containers and native libraries are imported on use.
"""

from streams.embedded.errors import ServiceUnavailable
from streams.embedded.kafka import LocalKafka
from streams.embedded.mock_kafka import MockKafka
from streams.embedded.redis import LocalRedis
from streams.embedded.services import ServiceHandle, Services, resolve_services

__all__ = [
    "LocalKafka",
    "LocalRedis",
    "MockKafka",
    "ServiceHandle",
    "ServiceUnavailable",
    "Services",
    "resolve_services",
]

"""Structured logs: JSON lines, or readable ones on a terminal."""

from __future__ import annotations

import logging
import sys
import time

import structlog

NOISY = ("faust", "mode", "aiokafka", "kafka", "asyncio")


REPEAT_SECONDS = 10.0


class Repeats(logging.Filter):
    """Lets the same message of a library through once in ten seconds.

    While a broker is away the clients say so hundreds of times a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it was not said just now; the template counts, not what is put into it."""
        if not record.name.startswith(NOISY):
            return True
        what, now = (record.name, str(record.msg)[:80]), time.monotonic()
        if now - self._said.get(what, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._said[what] = now
        return True


def configure(level: str = "INFO") -> None:
    """Send structlog and the libraries' logs to standard error in one format."""
    # Plain tracebacks: structlog's own ones show local variables, and with them passwords.
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(Repeats())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))

"""Free ports on loopback that stay free while a service is down.

Port 0 would be simpler, but the kernel hands out ports from the EPHEMERAL range. A client that
keeps reconnecting to a killed service on such a port can be given the very same number as its own
source port, and is then connected to itself: the restarted service finds its port taken. So ports
are drawn from below that range (Linux: from 32768).
"""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
_LOWEST, _HIGHEST = 20_000, 32_000
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a service could listen on this port of loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    # The system's randomness: a test that seeds `random` must not make two runs collide.
    draw = random.SystemRandom()
    for _ in range(_TRIES):
        port = draw.randrange(_LOWEST, _HIGHEST)
        if is_free(port):
            return port
    raise OSError(f"no free port on {LOOPBACK} between {_LOWEST} and {_HIGHEST}")

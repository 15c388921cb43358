"""Which topics a member of a consumer group subscribes to, out of what it told the group.

Faust writes a version number of its own (4) into the head of the subscription, which in Kafka's
protocol announces fields that Faust does not write. So the head, which is the same in every
version, is read here: version int16, count int32, then each name with its length as int16.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")


def subscribed_topics(metadata: Any) -> frozenset[str] | None:
    r"""Read the names; None where there are none to be read.

    metadata: kafka-python's ``member_metadata``: a mapping where it could read it, else the bytes
    as text with ``\x..`` for what is not UTF-8.

    >>> sorted(subscribed_topics("\x00\x04\x00\x00\x00\x02\x00\x01a\x00\x02bc{}"))
    ['a', 'bc']
    """
    if isinstance(metadata, Mapping):
        return frozenset(metadata["topics"])
    if not isinstance(metadata, str) or not metadata:
        return None
    content = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), metadata.encode())
    try:
        return _head(content)
    except (struct.error, UnicodeDecodeError):
        return None


def _head(content: bytes) -> frozenset[str]:
    count, at, names = struct.unpack_from(">i", content, 2)[0], 6, set()
    for _ in range(count):
        length = struct.unpack_from(">h", content, at)[0]
        names.add(struct.unpack_from(f">{length}s", content, at + 2)[0].decode())
        at += 2 + length
    return frozenset(names)

"""The payload of a snapshot: a small part to score with, a larger part to go on learning from.

Layout: 4 bytes magic, 1 byte format, 4 bytes length of the head (big endian), head, tail;
head and tail are compressed restricted pickles. A scorer unpickles the head alone.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from models.learning import pickling
from models.learning.errors import FormatError, PayloadError

FORMAT = 3
MAX_PAYLOAD_BYTES = 64 * 1024 * 1024
MAX_UNPACKED_BYTES = 512 * 1024 * 1024

_MAGIC = b"EBBL"
_FRAME = struct.Struct(">4sBI")


def pack(head: object, tail: object) -> bytes:
    """Frame the pickles of head (what scores) and tail (what learns)."""
    packed = pickling.dump(head)
    return _FRAME.pack(_MAGIC, FORMAT, len(packed)) + packed + pickling.dump(tail)


def unpack_head(payload: bytes, packages: Sequence[str] = ()) -> Any:
    """Unpickle what scores; classes of these packages are allowed too."""
    return pickling.load(_split(payload)[0], MAX_UNPACKED_BYTES, packages)


def unpack_tail(payload: bytes, packages: Sequence[str] = ()) -> Any:
    """Unpickle what learns; classes of these packages are allowed too."""
    return pickling.load(_split(payload)[1], MAX_UNPACKED_BYTES, packages)


def checksum(payload: bytes) -> str:
    """blake2b-256 of the payload, hex."""
    return hashlib.blake2b(payload, digest_size=32).hexdigest()


def _split(payload: bytes) -> tuple[bytes, bytes]:
    if len(payload) < _FRAME.size:
        raise PayloadError("the snapshot's payload is shorter than its header")
    magic, version, length = _FRAME.unpack_from(payload)
    if magic != _MAGIC or version != FORMAT:
        raise FormatError(
            f"the snapshot's payload has format {magic!r} {version}, this program reads "
            f"{_MAGIC!r} {FORMAT}: use the program that wrote it, or learn again"
        )
    end = _FRAME.size + length
    return payload[_FRAME.size : end], payload[end:]

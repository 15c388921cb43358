"""Kafka's default partitioner: murmur2 of the key, as the Java client computes it."""

from __future__ import annotations

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Hash like ``org.apache.kafka.common.utils.Utils.murmur2`` (32 bits, unsigned here).

    >>> murmur2(b"21")  # Kafka's own test vector, -973932308 as a signed number
    3321034988
    """
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    end = length & ~3
    for i in range(0, end, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k ^= k >> 24
        h = (h * _M & _MASK) ^ (k * _M & _MASK)
    tail = data[end:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ (h >> 13)) * _M & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """Partition that a murmur2 producer puts ``key`` in.

    >>> partition_of(b"21", 4)
    0
    """
    return (murmur2(data=key) & 0x7FFFFFFF) % partitions

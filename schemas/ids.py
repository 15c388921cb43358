"""Deterministic ids: the same thing computed twice has the same id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_SEPARATOR = b"\x1f"


def stable_id(*parts: str | int) -> str:
    """Hash the parts to 32 hex digits (blake2b-128), independent of process and platform.

    >>> stable_id("app", "u1", 0) == stable_id("app", "u1", 0) != stable_id("app", "u1", 1)
    True
    """
    content = _SEPARATOR.join(str(part).encode() for part in parts)
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def stable_ids(first: str, *rest: Iterable[str]) -> list[str]:
    """Identities of many things: a first part that they share, and columns of the others.

    >>> stable_ids("app", ["u1", "u2"], ["0", "0"])[0] == stable_id("app", "u1", 0)
    True
    """
    begun, found = hashlib.blake2b(first.encode() + _SEPARATOR, digest_size=16), []
    for parts in zip(*rest, strict=True):
        whole = begun.copy()
        whole.update("\x1f".join(parts).encode())
        found.append(whole.hexdigest())
    return found


def keyed_hash(key: str, user: str) -> int:
    """Map a user to 64 bits by a keyed hash (blake2b): random-like, fixed by the key.

    >>> keyed_hash("a", "u1") != keyed_hash("b", "u1")
    True
    """
    digest = hashlib.blake2b(user.encode(), digest_size=8, key=key.encode()[:64]).digest()
    return int.from_bytes(digest, "big")

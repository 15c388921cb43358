"""Signatures over manifests, so that only our own trainers' snapshots are ever unpickled.

The manifest holds the payload's checksum, so its signature covers the payload as well.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import asdict, replace

import orjson

from models.learning.errors import SignatureError
from schemas.snapshots import Manifest

_REMEDY = "set EBBLINE_SIGNING_KEY to the same secret for trainers and scorers"


def sign(manifest: Manifest, key: bytes | None) -> Manifest:
    """Manifest with its HMAC-SHA256 signature. Raises SignatureError without a key."""
    return replace(manifest, signature=_signature(manifest, key))


def verify(manifest: Manifest, key: bytes | None) -> None:
    """Raise SignatureError unless the manifest was signed with ``key`` and not altered."""
    if not manifest.signature:
        raise SignatureError(f"snapshot {_title(manifest)} is not signed: {_REMEDY}")
    if not hmac.compare_digest(_signature(manifest, key).encode(), manifest.signature.encode()):
        raise SignatureError(
            f"the signature of snapshot {_title(manifest)} is wrong: it was signed with another "
            f"key, or altered; {_REMEDY}, or learn again"
        )


def _signature(manifest: Manifest, key: bytes | None) -> str:
    if not key:
        raise SignatureError(f"no key for the signature of {_title(manifest)}: {_REMEDY}")
    unsigned = {k: v for k, v in asdict(manifest).items() if k != "signature"}
    if manifest.reign is None:  # as it was signed before there was such a field
        del unsigned["reign"]
    elif not manifest.reign.relearned:
        del unsigned["reign"]["relearned"]
    content = orjson.dumps(unsigned, option=orjson.OPT_SORT_KEYS)
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def _title(manifest: Manifest) -> str:
    return f"{manifest.app}/{manifest.name} version {manifest.version}"

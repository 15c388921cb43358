"""A pickle that can only make what models are made of.

A pickle is a program: loading one may call any function it names. Here it may name classes
of River's estimators, ours, numpy's arrays and nine builtin names, nothing else. This is the
second wall; the first is that nothing unsigned is unpickled at all.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import zlib
from collections.abc import Sequence
from typing import Any

from models.learning.errors import ForbiddenGlobalError, PayloadError, SizeError

PROTOCOL = 5
COMPRESSION = 1

_NAMES = frozenset(
    {
        *(("builtins", name) for name in ("dict", "float", "int", "set", "str")),
        *(("collections", name) for name in ("Counter", "OrderedDict", "defaultdict")),
        ("models.spec", "MemberSpec"),
        ("models.spec", "ModelSpec"),
        ("random", "Random"),
        ("functools", "partial"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.numeric", "_frombuffer"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
    }
)
_PACKAGES = (
    "models.learning.",
    "models.staleness.",
    "river._river_rust.",
    "river.compose.",
    "river.drift.",
    "river.forest.",
    "river.linear_model.",
    "river.metrics.",
    "river.naive_bayes.",
    "river.optim.",
    "river.preprocessing.",
    "river.proba.",
    "river.stats.",
    "river.tree.",
)


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes, packages: Sequence[str]) -> None:
        super().__init__(io.BytesIO(content))
        self._packages = (*_PACKAGES, *(f"{package}." for package in packages))

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _NAMES:
            return super().find_class(module, name)
        # With the dot, as a package's own name is a module of it too.
        if f"{module}.".startswith(self._packages) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and f"{found.__module__}.".startswith(self._packages):
                return found
        raise ForbiddenGlobalError(
            f"the snapshot's pickle asks for {module}.{name}, which no model needs: "
            "do not use it, and find out who wrote it"
        )


_GAUSSIAN = ("river.proba.gaussian", "Gaussian")
"""By name: importing it takes a scoring worker a second, for which it has no use."""


class _Pickler(pickle.Pickler):
    """Leaves out the random generator that every Gaussian in a leaf carries.

    River seeds it from the system and uses it for ``sample`` alone. It would make the pickles
    of equal trees differ, and ten times larger.
    """

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if (kind.__module__, kind.__qualname__) != _GAUSSIAN:
            return NotImplemented
        return copyreg.__newobj__, (kind,), vars(value) | {"_rng": None}  # type: ignore[attr-defined]


def dump(value: object) -> bytes:
    """Pickle and compress: equal models give equal bytes."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=PROTOCOL).dump(value)
    return zlib.compress(buffer.getvalue(), COMPRESSION)


def load(data: bytes, max_bytes: int, packages: Sequence[str] = ()) -> Any:
    """Undo ``dump``, making only whitelisted classes, at most ``max_bytes`` unpacked.

    packages: whose classes are allowed besides, since the configuration names them.
    Raises ForbiddenGlobalError, SizeError or PayloadError.
    """
    content = _decompress(data, max_bytes)
    try:
        return _Unpickler(content, packages).load()
    except ForbiddenGlobalError:
        raise
    except Exception as error:
        raise PayloadError(
            f"the snapshot's pickle does not load ({type(error).__name__}: {error}): "
            "rebuild the model from the examples topic"
        ) from error


def _decompress(data: bytes, max_bytes: int) -> bytes:
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(data, max_bytes)
    except zlib.error as error:
        raise PayloadError(f"the snapshot's payload does not decompress: {error}") from error
    if decompressor.unconsumed_tail:
        raise SizeError(f"the snapshot's payload unpacks to more than {max_bytes} bytes")
    if not decompressor.eof:
        raise PayloadError("the snapshot's payload ends too early")
    return content

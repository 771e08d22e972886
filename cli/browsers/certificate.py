"""The certificate of the proxy's own authority, as browsers are told to trust it."""

import base64
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

NAME = "mitmproxy-ca-cert.pem"
"""What mitmproxy calls the certificate in its folder of keys."""


def public_key_hash(path: Path) -> str:
    """Return base64 of SHA-256 of the public key (SubjectPublicKeyInfo, DER) of the PEM certificate at `path`.

    This is what Chromium's `--ignore-certificate-errors-spki-list` takes. Raises OSError and ValueError.
    """
    key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
    encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(encoded).digest()).decode("ascii")


def encoded(path: Path) -> str:
    """Return base64 of the DER form of the PEM certificate at `path`. Raises OSError and ValueError."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode("ascii")

"""HTTPS in earnest: a mirror is believed by its certificate; whoever cannot show one is followed by the next."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from maintenance.payloads.sources import NoSource, Rules, fetch
from tests.maintenance.payloads.mirrors import Mirror, running
from tests.maintenance.payloads.published import facts

CONTENT = b"agent" * 10_000
WANTED = facts(CONTENT)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, with its key in the same file."""
    key, name = Ed25519PrivateKey.generate(), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mirror")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None)
    )
    path = tmp_path / "mirror.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return path


def test_a_file_comes_over_https_from_who_can_show_a_certificate_and_from_nobody_else(
    certificate, tmp_path, monkeypatch
):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    rules = Rules(tmp_path / "payloads", 1 << 30, within_s=20, pause_s=0)
    with running(Mirror(CONTENT, tls=tls)) as mirror:
        with pytest.raises(NoSource, match="CERTIFICATE_VERIFY_FAILED"):
            fetch([mirror.url], WANTED.sha256, WANTED.size, name="agent.zip", rules=rules)
        assert mirror.asked == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        path = fetch([mirror.url], WANTED.sha256, WANTED.size, name="agent.zip", rules=rules)

    assert path.read_bytes() == CONTENT

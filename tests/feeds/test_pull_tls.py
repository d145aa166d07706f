"""Pulls over TLS: certificates are checked, deadlines hold, nothing falls back to plain text."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from feed_servers import QUICK, Reply, Site

from stillwatch.feeds import download as download_module

T0 = datetime(2026, 8, 1, 6, tzinfo=UTC)
LIST = b"45.80.0.0/24\n"
HASTY = replace(QUICK, deadline_seconds=1, total_seconds=2, attempts=2)


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "lists.example.com")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure_site(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    found = Site(certificate)
    yield found
    found.close()


def test_pull__a_key_travels_over_tls(deployment, secure_site, monkeypatch):
    monkeypatch.setenv("PEERS_TOKEN", "a-long-enough-secret")
    secure_site.answer = lambda request: Reply(200, {}, LIST)
    auth = {"type": "bearer", "secret_env": "PEERS_TOKEN"}
    deployment.configure(kind="cidr_list", url=f"{secure_site.root}/list.txt", auth=auth)
    assert deployment.pull(T0).state == "landed"
    assert secure_site.requests[0].headers["authorization"] == "Bearer a-long-enough-secret"


@pytest.mark.fault(35)
def test_pull__an_unknown_certificate_is_a_failed_pull(deployment, secure_site, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    secure_site.answer = lambda request: Reply(200, {}, LIST)
    deployment.configure(kind="cidr_list", url=f"{secure_site.root}/list.txt")
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", "unreachable")
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.detail
    assert secure_site.requests == []


@pytest.mark.fault(37)
def test_pull__tls_is_never_given_up(deployment, secure_site, site):
    site.answer = lambda request: Reply(200, {}, LIST)
    secure_site.answer = lambda request: Reply(302, {"Location": f"{site.root}/list.txt"})
    deployment.configure(kind="cidr_list", url=f"{secure_site.root}/list.txt")
    outcome = deployment.pull(T0)
    assert (outcome.state, outcome.reason) == ("failed", "redirect_refused")
    assert site.requests == []


def test_pull__plain_text_may_lead_to_tls(deployment, secure_site, site):
    secure_site.answer = lambda request: Reply(200, {}, LIST)
    site.answer = lambda request: Reply(301, {"Location": f"{secure_site.root}/list.txt"})
    deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
    assert deployment.pull(T0).state == "landed"
    assert deployment.read_record()["final_url"] == f"{secure_site.root}/list.txt"


@pytest.mark.fault(35)
def test_pull__slow_headers_over_tls_end_at_the_deadline(deployment, secure_site):
    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(60):
            handler.wfile.write(b"4")
            time.sleep(0.1)

    secure_site.answer = lambda request: Reply(send=drip)
    deployment.configure(kind="cidr_list", url=f"{secure_site.root}/list.txt")
    begun = time.monotonic()
    outcome = deployment.pull(T0, HASTY)
    assert (outcome.state, outcome.reason) == ("failed", "too_slow")
    assert time.monotonic() - begun < 5


@pytest.mark.fault(37)
def test_pull__a_name_that_resolves_inside_only_when_it_counts_is_refused(
    deployment, site, monkeypatch
):
    inner = Site()
    inner.answer = lambda request: Reply(200, {}, LIST)
    try:
        site.answer = lambda request: Reply(302, {"Location": f"{inner.root}/list.txt"})
        monkeypatch.setattr(download_module, "resolve", lambda host, port: ["45.80.0.1"])
        deployment.configure(kind="cidr_list", url=f"{site.root}/list.txt")
        outcome = deployment.pull(T0)
        assert (outcome.state, outcome.reason) == ("failed", "redirect_refused")
        assert "leads into a private network (loopback)" in outcome.detail
        assert inner.requests == []  # refused when connected, before anything is sent
    finally:
        inner.close()

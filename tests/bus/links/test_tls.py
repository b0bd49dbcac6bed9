"""Mutual TLS: who is believed, who is not, and files that cannot be used. Source: bus 8, row 16.

The certificates are made anew by the ``openssl`` program.
"""

import shutil
import subprocess
from pathlib import Path

import grpc
import pytest
from attrs import evolve, frozen

from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls, TlsFiles
from runner.database_config import ConfigurationError
from tests.bus.links.conftest import Ends
from tests.bus.links.recorder import DiallingEnd, ListeningEnd

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program to make certificates with")

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


@frozen
class Authority:
    """Signs certificates, in a directory."""

    directory: Path
    name: str

    @classmethod
    def new(cls, directory: Path, name: str) -> "Authority":
        """Another authority."""
        authority = cls(directory, name)
        openssl("req", "-x509", *CURVE, "-keyout", authority.key, "-out", authority.certificate, "-subj", f"/CN={name}")
        return authority

    @property
    def certificate(self) -> Path:
        return self.directory / f"{self.name}.pem"

    @property
    def key(self) -> Path:
        return self.directory / f"{self.name}.key"

    def sign(self, file: str, common_name: str, also: str = "", days: int = 1) -> TlsFiles:
        """A certificate for a common name and other names, in the words of openssl."""
        certificate, key, request, names = (self.directory / f"{file}.{end}" for end in ("pem", "key", "csr", "names"))
        openssl("req", *CURVE, "-keyout", key, "-out", request, "-subj", f"/CN={common_name}")
        names.write_text(f"subjectAltName={also}\n" if also else "")
        by = ("-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", str(days), "-extfile", names)
        openssl("x509", "-req", "-in", request, "-out", certificate, *by)
        return TlsFiles(certificate, key, self.certificate)


def openssl(*arguments: str | Path) -> None:
    """Run the program."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("tls"), "authority")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.new(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def listener_files(authority: Authority) -> TlsFiles:
    return authority.sign("listener", "switch2-dpu0", "IP:127.0.0.1,IP:::1")


async def pair(
    ends: Ends, listener: TlsFiles, dialler: TlsFiles | None, host: str = "127.0.0.1"
) -> tuple[ListeningEnd, DiallingEnd]:
    server = ends.listening(tls=Tls.read(listener))
    address = await server.at(SocketAddress(host, 0))
    return server, ends.dialling(address, tls=None if dialler is None else Tls.read(dialler))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    "common_name,also",
    [
        ("switch1-dpu0", ""),
        ("anything", "DNS:switch1-dpu0"),
        ("anything", "DNS:other,DNS:switch1-dpu0"),
        ("anything", "IP:127.0.0.1,IP:0:0:0:0:0:0:0:1"),
    ],
)
async def test_a_certificate_of_the_node_or_of_the_address_is_believed(
    ends: Ends, authority: Authority, listener_files: TlsFiles, common_name: str, also: str, host: str
) -> None:
    server, client = await pair(ends, listener_files, authority.sign("dialler", common_name, also), host)
    to, from_ = await client.owner.link(), await server.owner.link()

    assert to.put(b"there")
    assert from_.put(b"back")
    await server.owner.until(lambda owner: owner.received == [b"there"])
    await client.owner.until(lambda owner: owner.received == [b"back"])
    assert common_name in from_.hello.certificate_names


async def test_a_certificate_of_another_node_is_refused(
    ends: Ends, authority: Authority, listener_files: TlsFiles
) -> None:
    other = authority.sign("other", "switch3-dpu0", "DNS:switch4-dpu0,IP:192.0.2.1")
    server, client = await pair(ends, listener_files, other)

    await client.owner.until(lambda owner: owner.failures)

    assert client.owner.failures[0][1] == (
        "UNAUTHENTICATED: the certificate names 192.0.2.1, switch3-dpu0, switch4-dpu0; "
        "neither node switch1-dpu0 nor address 127.0.0.1"
    )
    assert not server.owner.hellos


async def test_a_listener_whose_certificate_names_another_address_is_not_believed(
    ends: Ends, authority: Authority
) -> None:
    elsewhere = authority.sign("elsewhere", "switch2-dpu0", "IP:192.0.2.1,DNS:switch2-dpu0")
    server, client = await pair(ends, elsewhere, authority.sign("dialler", "switch1-dpu0"))

    await client.owner.until(lambda owner: owner.failures)

    assert "Hostname Verification Check failed" in client.owner.failures[0][1]
    assert not server.owner.hellos


async def test_a_dialler_of_another_authority_is_refused(
    ends: Ends, authority: Authority, stranger: Authority, listener_files: TlsFiles
) -> None:
    forged = evolve(stranger.sign("dialler", "switch1-dpu0"), authority=authority.certificate)
    server, client = await pair(ends, listener_files, forged)

    await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert not server.owner.hellos
    assert client.owner.failures[0][1].startswith(grpc.StatusCode.UNAVAILABLE.name)


async def test_a_listener_of_another_authority_is_not_believed(
    ends: Ends, authority: Authority, stranger: Authority
) -> None:
    forged = stranger.sign("listener", "switch2-dpu0", "IP:127.0.0.1")
    server, client = await pair(ends, forged, authority.sign("dialler", "switch1-dpu0"))

    await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert not server.owner.hellos
    assert "CERTIFICATE_VERIFY_FAILED" in client.owner.failures[0][1]


async def test_without_tls_nobody_reaches_a_listener_with_it(ends: Ends, listener_files: TlsFiles) -> None:
    server, client = await pair(ends, listener_files, None)

    await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert not server.owner.hellos


async def test_with_tls_nobody_trusts_a_listener_without_it(ends: Ends, authority: Authority) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at(), tls=Tls.read(authority.sign("dialler", "switch1-dpu0")))

    await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert not server.owner.hellos


@pytest.mark.parametrize("what", ["certificate", "key", "authority"])
def test_a_file_that_is_missing_is_named(listener_files: TlsFiles, tmp_path: Path, what: str) -> None:
    missing = tmp_path / "missing.pem"

    with pytest.raises(ConfigurationError, match=f"{missing}: there is no such file for the TLS {what}"):
        Tls.read(evolve(listener_files, **{what: missing}))


@pytest.mark.parametrize("what", ["certificate", "key", "authority"])
@pytest.mark.parametrize("content", ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_is_wrong_is_named(listener_files: TlsFiles, tmp_path: Path, what: str, content: str) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text(content)

    with pytest.raises(ConfigurationError, match=str(wrong)):
        Tls.read(evolve(listener_files, **{what: wrong}))


def test_a_key_of_another_certificate_is_wrong(authority: Authority, listener_files: TlsFiles) -> None:
    other = authority.sign("other", "switch1-dpu0").key

    with pytest.raises(ConfigurationError, match=str(other)):
        Tls.read(evolve(listener_files, key=other))


def test_a_key_that_is_locked_is_wrong_and_nobody_is_asked(listener_files: TlsFiles, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    openssl("ec", "-in", listener_files.key, "-out", locked, "-aes256", "-passout", "pass:secret")

    with pytest.raises(ConfigurationError, match=str(locked)):
        Tls.read(evolve(listener_files, key=locked))


def test_the_key_is_not_shown(listener_files: TlsFiles) -> None:
    assert "PRIVATE KEY" not in repr(Tls.read(listener_files))

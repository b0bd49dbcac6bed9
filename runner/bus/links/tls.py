"""Mutual TLS, where it is configured: both ends show a certificate of one authority.

A peer that dials is believed if its certificate names the node that it states (as a DNS name or as the common name) or
the address that it comes from. A listener is believed if its certificate names the address that was dialled; gRPC
compares the two. The files are read once.

Source: bus 8, row 16.
"""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import grpc
from attrs import field, frozen

from runner.bus.links.introduction import Refusal, printable
from runner.bus.links.owner import Hello
from runner.bus.links.socket_address import SocketAddress
from runner.database_config import ConfigurationError

_NAMES_IN_CERTIFICATE = ("x509_common_name", "peer_dns", "peer_ip")


@frozen
class TlsFiles:
    """The PEM files: our certificate (with its chain), its private key, and the authority that signs everybody's."""

    certificate: Path
    key: Path
    authority: Path


@frozen
class Tls:
    """What was read from the files."""

    certificate: bytes
    key: bytes = field(repr=False)
    authority: bytes

    @classmethod
    def read(cls, files: TlsFiles) -> Self:
        """Read and check the files.

        Raises:
            runner.database_config.ConfigurationError: a file is missing or is not what it should be; the text names it.
        """
        for what, file in (("certificate", files.certificate), ("key", files.key), ("authority", files.authority)):
            if not file.is_file():
                raise ConfigurationError(f"{file}: there is no such file for the TLS {what}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_verify_locations(files.authority)
        except OSError as error:
            raise ConfigurationError(f"{files.authority}: not a TLS authority in PEM: {error}") from error
        try:
            # An empty password: a key that is locked must fail here, not ask at a terminal.
            context.load_cert_chain(files.certificate, files.key, password="")
        except OSError as error:
            both = f"{files.certificate} and {files.key}"
            raise ConfigurationError(f"{both}: not a TLS certificate and its key in PEM: {error}") from error
        return cls(files.certificate.read_bytes(), files.key.read_bytes(), files.authority.read_bytes())

    def for_listening(self) -> grpc.ServerCredentials:
        """What a listener shows, and demands."""
        return grpc.ssl_server_credentials([(self.key, self.certificate)], self.authority, require_client_auth=True)

    def for_dialling(self) -> grpc.ChannelCredentials:
        """What a dialler shows, and demands."""
        return grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)


def certificate_names(auth_context: Mapping[str, Iterable[bytes]]) -> frozenset[str]:
    """The names in the certificate of a peer, addresses in their normal form."""
    names = (name for key in _NAMES_IN_CERTIFICATE for name in auth_context.get(key, ()))
    return frozenset(_normal(name.decode(errors="replace")) for name in names)


def refusal_of_names(hello: Hello) -> Refusal | None:
    """Refuses a certificate that is somebody else's: it names neither the stated node nor the address."""
    node = hello.introduction.stated_path.node_id
    if {node, hello.remote.host} & hello.certificate_names:
        return None
    named = ", ".join(sorted(printable(name) for name in hello.certificate_names)) or "nothing"
    return Refusal(
        grpc.StatusCode.UNAUTHENTICATED,
        f"the certificate names {named}; neither node {node} nor address {hello.remote.host}",
    )


def _normal(name: str) -> str:
    try:
        return SocketAddress(name, 0).host
    except ValueError:
        return name

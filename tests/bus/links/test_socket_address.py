"""Addresses in the spellings of the bus, of gRPC and of people. Source: bus 3.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.bus.links.socket_address import SocketAddress

addresses = st.builds(SocketAddress, st.ip_addresses().map(str), st.integers(0, 65535))


@given(addresses)
def test_the_spelling_for_people_can_be_read(address: SocketAddress) -> None:
    assert SocketAddress.parse(str(address)) == address


@given(addresses)
def test_the_spelling_for_dialling_is_the_one_of_grpc(address: SocketAddress) -> None:
    assert SocketAddress.from_grpc(address.dialled) == address


@pytest.mark.parametrize(
    "spelling,bare",
    [
        ("ipv4:10.0.0.1:23606", "10.0.0.1:23606"),
        ("ipv6:%5Bfc00::1%5D:23606", "fc00::1:23606"),
        ("ipv6:[fc00:0:0::1]:23606", "fc00::1:23606"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:23606", "10.0.0.1:23606"),
    ],
)
def test_what_grpc_says_of_a_peer(spelling: str, bare: str) -> None:
    assert SocketAddress.from_grpc(spelling).bare == bare


NO_PORT = ["", "10.0.0.1", "10.0.0.1:", "10.0.0.1:x", "10.0.0.1:65536", "10.0.0.1:-1", "[fc00::1]"]
NO_HOST = [":1", "fc00::1:1", "[10.0.0.1]:1", "switch1:23606", "10.0.0:1"]


@pytest.mark.parametrize("text", [*NO_PORT, *NO_HOST])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SocketAddress.parse(text)

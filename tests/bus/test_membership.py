"""Who may connect, and which neighbour somebody is: each rule of admission as a row.

Source: bus 8 rows 4, 16, 23 and 24.
"""

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.service_path import ServicePath, hamgrd_base
from models.swbus import ConnectionType
from runner.bus.links.introduction import Introduction
from runner.bus.links.owner import Hello
from runner.bus.links.socket_address import SocketAddress
from runner.bus.membership import Membership
from runner.outputs import Neighbour

OWN = ServicePath.parse("west.c1.switch1-dpu0")
PEER, PEER_1, THIRD = (
    ServicePath.parse(f"west.c1.{name}") for name in ("switch2-dpu0", "switch2-dpu1", "switch3-dpu0")
)
OTHER_SLOT = ServicePath.parse("west.c1.switch1-dpu1")
UNNAMED = ServicePath.parse("west.c1.spine")

NEIGHBOURS = (
    Neighbour("dpu2_0", 0, ("10.0.0.2", "fc00::2"), 23606),
    Neighbour("dpu2_1", 1, ("10.0.0.2", "fc00::2"), 23607),
    Neighbour("dpu3_0", 0, ("10.0.0.3",), 23606),
    Neighbour("dpu1_1", 1, ("10.0.0.1", "fc00::1"), 23607),
)

IN_CLUSTER, IN_NODE, CLIENT = ConnectionType.IN_CLUSTER, ConnectionType.IN_NODE, ConnectionType.CLIENT


def membership(**paths: ServicePath) -> Membership:
    """The members of a cluster of three switches, and those whose path was found."""
    members = Membership(OWN, frozenset({"10.0.0.1", "fc00::1"}))
    members.become(NEIGHBOURS)
    for name, path in paths.items():
        assert members.found(name, path) is None
    return members


def hello(path: ServicePath, host: str, connection_type: ConnectionType = IN_CLUSTER, accepted: bool = True) -> Hello:
    """Somebody who dialled."""
    return Hello(accepted, SocketAddress(host, 50_000), Introduction(path, connection_type))


@pytest.mark.parametrize(
    "path,host,found,name",
    [
        (PEER, "10.0.0.2", {}, "dpu2_0"),
        (PEER, "fc00::2", {}, "dpu2_0"),
        (PEER, "::ffff:10.0.0.2", {}, "dpu2_0"),
        (PEER_1, "10.0.0.2", {}, "dpu2_1"),
        (THIRD, "10.0.0.3", {}, "dpu3_0"),
        (OTHER_SLOT, "10.0.0.1", {}, "dpu1_1"),
        (PEER, "10.0.0.2", {"dpu2_0": PEER}, "dpu2_0"),
        # Where it was found counts more than how it is called.
        (UNNAMED, "10.0.0.2", {"dpu2_0": UNNAMED}, "dpu2_0"),
        (UNNAMED, "10.0.0.3", {}, "dpu3_0"),
        # Through a relay of this host.
        (PEER, "127.0.0.1", {"dpu3_0": THIRD}, "dpu2_0"),
    ],
)
def test_a_neighbour_is_let_in_and_known(
    path: ServicePath, host: str, found: dict[str, ServicePath], name: str
) -> None:
    members = membership(**found)
    assert members.refusal(hello(path, host)) is None
    assert members.name_of(path, SocketAddress(host, 1).host) == name


@pytest.mark.parametrize(
    "path,host,found,why",
    [
        (OWN, "10.0.0.2", {}, "this node itself"),
        (OWN, "127.0.0.1", {}, "this node itself"),
        (PEER, "10.0.0.9", {}, "is no neighbour"),
        (PEER, "fc00::9", {}, "is no neighbour"),
        (PEER, "10.0.0.9", {"dpu2_0": PEER}, "is no neighbour"),
        # Of another slot than its switch has.
        (ServicePath.parse("west.c1.switch2-dpu7"), "10.0.0.2", {}, "does not belong to"),
        (PEER_1, "10.0.0.3", {}, "does not belong to"),
        # From this switch, where other slots are, nobody comes who is of another switch.
        (PEER, "10.0.0.1", {}, "does not belong to"),
        # The path of somebody else.
        (PEER, "10.0.0.3", {"dpu2_0": PEER}, "does not belong to"),
        # Another one than listens there.
        (THIRD, "10.0.0.2", {"dpu2_0": PEER}, "does not belong to"),
    ],
)
def test_who_is_no_neighbour_or_not_the_one_that_it_says_is_refused(
    path: ServicePath, host: str, found: dict[str, ServicePath], why: str
) -> None:
    refusal = membership(**found).refusal(hello(path, host))
    assert refusal is not None
    assert refusal.status is grpc.StatusCode.PERMISSION_DENIED
    assert why in refusal.text


@pytest.mark.parametrize(
    "path,host,why",
    [
        (ServicePath.parse(f"{OWN}/swbus-cli/7"), "127.0.0.1", None),
        (ServicePath.parse(f"{OWN}/swbus-cli/7"), "::1", None),
        (ServicePath.parse(f"{OWN}/swbus-cli/7"), "10.0.0.1", None),
        (ServicePath.parse(f"{OWN}/swbus-cli/7"), "fc00::1", None),
        (ServicePath.parse(f"{OWN}/swbus-cli/7"), "10.0.0.2", "only those of this host"),
        (ServicePath.parse(f"{OWN}/swbus-cli/7"), "192.0.2.7", "only those of this host"),
        (hamgrd_base(OWN), "127.0.0.1", "no client of this node"),
        (OWN, "127.0.0.1", "no client of this node"),
        (ServicePath.parse(f"{PEER}/swbus-cli/7"), "127.0.0.1", "no client of this node"),
        (ServicePath(), "127.0.0.1", "no client of this node"),
    ],
    ids=str,
)
def test_clients_are_those_of_this_host_under_a_name_of_their_own(
    path: ServicePath, host: str, why: str | None
) -> None:
    refusal = membership().refusal(hello(path, host, CLIENT))
    assert (refusal is None) == (why is None)
    if refusal is not None:
        assert refusal.status is grpc.StatusCode.PERMISSION_DENIED
        assert why is not None
        assert why in refusal.text


@pytest.mark.parametrize("connection_type", [IN_NODE, ConnectionType.IN_REGION, ConnectionType.GLOBAL])
@pytest.mark.parametrize("path", [PEER, OWN, hamgrd_base(OWN)], ids=str)
@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.2"])
def test_no_other_kind_of_link_is_served(connection_type: ConnectionType, path: ServicePath, host: str) -> None:
    refusal = membership(dpu2_0=PEER).refusal(hello(path, host, connection_type))
    assert refusal is not None
    assert "not served here" in refusal.text


def test_where_we_went_ourselves_nobody_is_refused_for_the_address() -> None:
    assert membership().refusal(hello(PEER, "10.0.0.2", accepted=False)) is None


def test_without_an_address_a_path_is_of_whoever_it_can_only_be_of() -> None:
    assert membership().name_of(PEER) is None  # It could be that of two switches.
    assert membership(dpu3_0=THIRD).name_of(PEER) == "dpu2_0"
    assert membership().name_of(PEER, "10.0.0.3") == "dpu3_0"  # Until it is known better, the address decides.
    assert membership(dpu2_0=PEER).name_of(PEER, "10.0.0.3") == "dpu2_0"


def test_a_path_that_cannot_be_is_not_believed_wherever_it_was_found() -> None:
    members = membership(dpu2_0=PEER)
    assert members.found("dpu3_0", OWN) == f"{OWN} is this node itself"
    assert members.found("dpu3_0", PEER) == f"{PEER} is the daemon of dpu2_0 already"
    assert members.node_of("dpu3_0") is None
    assert members.found("dpu2_0", THIRD) is None
    assert members.node_of("dpu2_0") == THIRD


def test_of_a_neighbour_that_stays_as_it_was_what_was_found_is_kept() -> None:
    members = membership(dpu2_0=PEER, dpu3_0=THIRD)
    members.become([NEIGHBOURS[0], Neighbour("dpu3_0", 0, ("10.0.0.4",), 23606)])
    assert members.paths == {"dpu2_0": PEER}
    members.become([])
    assert members.paths == {}
    refusal = members.refusal(hello(PEER, "10.0.0.2"))
    assert refusal is not None
    assert "is no neighbour" in refusal.text


hosts = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.9", "127.0.0.1", "fc00::2", "fc00::9"])
nodes = st.sampled_from([OWN, PEER, PEER_1, THIRD, OTHER_SLOT, UNNAMED, ServicePath.parse("east.c1.switch2-dpu0")])
finds = st.lists(st.tuples(st.sampled_from([each.dpu_name for each in NEIGHBOURS]), nodes), max_size=6)


@given(finds, nodes, hosts, st.sampled_from(ConnectionType))
def test_whoever_is_let_in_has_a_right_to_its_path(
    found: list[tuple[str, ServicePath]], path: ServicePath, host: str, connection_type: ConnectionType
) -> None:
    members = membership()
    for name, node in found:
        members.found(name, node)
    assert len(set(members.paths.values())) == len(members.paths)
    assert OWN not in members.paths.values()
    if members.refusal(hello(path, host, connection_type)) is not None:
        return
    assert connection_type is IN_CLUSTER  # None of these paths is a client's.
    assert path != OWN
    local = host in members.own_addresses or host == "127.0.0.1"
    assert local or any(host in neighbour.addresses for neighbour in NEIGHBOURS)
    owner = next((name for name, node in members.paths.items() if node == path), None)
    if owner is not None:
        assert local or host in members.neighbours[owner].addresses
        assert members.name_of(path, host) == owner

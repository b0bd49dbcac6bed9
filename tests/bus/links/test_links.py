"""Links that are well: who is at the other end, and frames that cross. Source: bus 3, 4.3, 6 and 8."""

import asyncio

import grpc
import pytest
from structlog.testing import capture_logs

from models.service_path import ServicePath
from models.swbus import MAX_SENT_BYTES, ConnectionType
from runner.bus.links.channel_options import MAX_RECEIVED_BYTES
from runner.bus.links.counts import Counted
from runner.bus.links.introduction import Refusal
from runner.bus.links.link import ENDED_BY_PEER, Link
from runner.bus.links.outgoing_queue import MAX_BYTES, MAX_FRAMES
from runner.bus.links.owner import Hello
from runner.bus.links.socket_address import SocketAddress
from tests.bus.links.conftest import Ends
from tests.bus.links.raw_stream import dial_raw
from tests.bus.links.recorder import NODE_1, NODE_2, Recorder, until

ROUND_TRIPS = 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_both_ends_know_each_other(ends: Ends, host: str) -> None:
    server = ends.listening(incarnation="two")
    address = await server.at(SocketAddress(host, 0))
    client = ends.dialling(address, incarnation="one")

    to, from_ = await client.owner.link(), await server.owner.link()

    assert (to.accepted, to.stated_path, to.incarnation) == (False, NODE_2, "two")
    assert (from_.accepted, from_.stated_path, from_.incarnation) == (True, NODE_1, "one")
    assert to.remote == address
    assert to.id == f"swbs-to://{host}:{address.port}"
    assert from_.id == f"swbs-from://{host}:{from_.remote.port}"
    assert to.connection_type is from_.connection_type is ConnectionType.IN_CLUSTER


async def test_a_peer_that_knows_no_incarnation_has_none(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())

    assert (await client.owner.link()).incarnation is None
    assert (await server.owner.link()).incarnation is None


@pytest.mark.parametrize("connection_type", [ConnectionType.IN_NODE, ConnectionType.CLIENT])
async def test_an_edge_client_states_its_service(ends: Ends, connection_type: ConnectionType) -> None:
    base = ServicePath.parse("region-a.cluster-a.switch1-dpu0/hamgrd/0")
    server = ends.listening()
    ends.dialling(await server.at(), path=base, connection_type=connection_type)

    link = await server.owner.link()

    assert (link.stated_path, link.connection_type) == (base, connection_type)


async def test_frames_cross_in_order_both_ways(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    to, from_ = await client.owner.link(), await server.owner.link()
    there, back = [b"there %d" % number for number in range(200)], [b"back %d" % number for number in range(200)]

    for one, other in zip(there, back, strict=True):
        assert to.put(one)
        assert from_.put(other)
    await server.owner.until(lambda owner: len(owner.frames) == len(there))
    await client.owner.until(lambda owner: len(owner.frames) == len(back))

    assert server.owner.received == there
    assert client.owner.received == back
    assert client.dialler.counts[Counted.FRAMES_SENT] == client.dialler.counts[Counted.FRAMES_RECEIVED] == 200


async def test_bytes_that_are_no_message_pass(ends: Ends) -> None:
    server = ends.listening()
    link = await ends.dialling(await server.at()).owner.link()
    frames = [b"\xff\xff\xff\xff", b"", b"\x00"]

    for frame in frames:
        assert link.put(frame)
    await server.owner.until(lambda owner: len(owner.frames) == len(frames))

    assert server.owner.received == frames
    assert server.owner.up


async def test_a_frame_that_is_too_large_is_not_sent_and_the_link_goes_on(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    link = await client.owner.link()

    with capture_logs() as logs:
        assert not link.put(bytes(MAX_SENT_BYTES + 1))
        assert not link.put(bytes(MAX_SENT_BYTES + 1))
    assert link.put(bytes(MAX_SENT_BYTES))
    await server.owner.until(lambda owner: owner.frames)

    assert [len(frame) for frame in server.owner.received] == [MAX_SENT_BYTES]
    assert client.dialler.counts[Counted.FRAMES_REFUSED_TOO_LARGE] == 2
    assert [entry["event"] for entry in logs] == ["frame_not_sent"]


async def test_a_frame_that_is_too_large_to_receive_is_ignored_and_the_link_goes_on(ends: Ends) -> None:
    server = ends.listening()
    async with dial_raw(await server.at(), NODE_1) as stream:
        await stream.write(bytes(MAX_RECEIVED_BYTES + 1))
        await stream.write(bytes(MAX_RECEIVED_BYTES))
        await stream.write(b"after it")
        await server.owner.until(lambda owner: len(owner.frames) == 2)

        assert [len(frame) for frame in server.owner.received] == [MAX_RECEIVED_BYTES, len(b"after it")]
        assert server.listener.counts[Counted.FRAMES_IGNORED_TOO_LARGE] == 1
        assert server.owner.up


async def test_a_waiting_frame_is_replaced_by_a_newer_one_with_its_key(ends: Ends) -> None:
    server = ends.listening()
    link = await ends.dialling(await server.at()).owner.link()

    # Nothing is written before this task waits: all of these meet in the queue.
    for frame, key in ((b"old", "a"), (b"other", "b"), (b"without", None), (b"new", "a"), (b"without too", None)):
        assert link.put(frame, key)
    await server.owner.until(lambda owner: len(owner.frames) == 4)

    assert server.owner.received == [b"new", b"other", b"without", b"without too"]


@pytest.mark.parametrize("count,size", [(MAX_FRAMES, 1), (4, MAX_BYTES // 4)], ids=["frames", "bytes"])
async def test_a_full_queue_refuses_and_never_waits(ends: Ends, count: int, size: int) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    link = await client.owner.link()

    assert all(link.put(bytes(size)) for _ in range(count))
    assert not link.put(b"one too many")
    assert client.dialler.counts[Counted.FRAMES_REFUSED_FULL] == 1
    await link.drained()
    assert link.put(b"room again")
    await server.owner.until(lambda owner: len(owner.frames) == count + 1)


async def test_little_is_read_ahead_of_an_owner_that_waits(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    to, from_ = await client.owner.link(), await server.owner.link()
    server.owner.reading.clear()
    frames = [number.to_bytes(2) * 2048 for number in range(1000)]

    assert all(to.put(frame) for frame in frames)
    for trip in range(ROUND_TRIPS):
        # The other direction goes on, and tells that there was time enough for frames to pass this way.
        assert from_.put(b"%d" % trip)
        await client.owner.until(lambda owner, trip=trip: len(owner.frames) > trip)  # type: ignore[misc]

    assert len(server.owner.frames) == 1
    assert client.dialler.counts[Counted.FRAMES_SENT] < 100
    assert len(to.outgoing) > 900
    server.owner.reading.set()
    await server.owner.until(lambda owner: len(owner.frames) == len(frames))
    assert server.owner.received == frames


async def test_drained_returns_when_all_is_written_or_the_link_is_closed(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    link = await client.owner.link()

    await link.drained()
    link.put(b"last words")
    await link.drained()
    assert client.dialler.counts[Counted.FRAMES_SENT] == 1
    link.put(b"never written")
    link.close()
    await link.drained()
    assert client.dialler.counts[Counted.FRAMES_LOST_WAITING] == 1
    await server.owner.until(lambda owner: owner.frames)


async def test_an_owner_refuses_with_status_and_text(ends: Ends) -> None:
    no = Refusal(grpc.StatusCode.PERMISSION_DENIED, "not a neighbour")
    server = ends.listening(Recorder(admits=lambda hello: no))
    client = ends.dialling(await server.at())

    with capture_logs() as logs:
        await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert client.owner.failures[0][1] == "PERMISSION_DENIED: not a neighbour"
    assert not client.owner.ups
    assert not server.owner.ups
    assert server.listener.counts[Counted.LINKS_REFUSED] >= 2
    refusals = [entry for entry in logs if entry["event"] == "link_refused"]
    assert [entry["why"] for entry in refusals] == ["not a neighbour"]


async def test_the_owner_is_told_whom_to_admit(ends: Ends) -> None:
    server = ends.listening(incarnation="two")
    address = await server.at()
    client = ends.dialling(address, incarnation="one")
    to, from_ = await client.owner.link(), await server.owner.link()

    assert client.owner.hellos == [to.hello]
    assert server.owner.hellos == [from_.hello]
    assert to.hello.remote == address
    assert (from_.hello.remote.host, from_.hello.accepted) == ("127.0.0.1", True)


async def test_a_dialler_refuses_whom_it_did_not_mean_to_reach(ends: Ends) -> None:
    def not_this_one(hello: Hello) -> Refusal | None:
        wrong = hello.introduction.stated_path == NODE_2
        return Refusal(grpc.StatusCode.FAILED_PRECONDITION, "another node than expected") if wrong else None

    server = ends.listening()
    client = ends.dialling(await server.at(), owner=Recorder(admits=not_this_one))

    await client.owner.until(lambda owner: len(owner.failures) >= 2)

    assert client.owner.failures[0][1] == "another node than expected"
    assert not client.owner.ups


async def test_a_new_accepted_link_replaces_the_older_one(ends: Ends) -> None:
    server = ends.listening()

    def replace(new: Link) -> None:
        for old in server.owner.up:
            if old is not new:
                old.close("replaced")

    server.owner.on_up = replace
    address = await server.at()
    async with dial_raw(address, NODE_1) as older, dial_raw(address, NODE_1) as newer:
        await server.owner.until(lambda owner: owner.downs)

        assert await older.read() is grpc.aio.EOF
        assert await older.code() is grpc.StatusCode.OK
        assert server.owner.downs == [(server.owner.ups[0], "replaced")]
        assert server.owner.up == [server.owner.ups[1]]
        assert server.owner.up[0].put(b"still here")
        assert await newer.read() == b"still here"


async def test_the_end_of_the_stream_is_the_end_of_the_link(ends: Ends) -> None:
    server = ends.listening()
    async with dial_raw(await server.at(), NODE_1) as stream:
        await stream.write(b"last")
        await stream.done_writing()
        await server.owner.until(lambda owner: owner.downs)

        assert server.owner.received == [b"last"]
        assert server.owner.downs == [(server.owner.ups[0], ENDED_BY_PEER)]
        assert await stream.read() is grpc.aio.EOF


async def test_a_stream_that_ends_below_a_writer_ends_the_link_and_nothing_else(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    link, from_ = await client.owner.link(), await server.owner.link()
    client.owner.reading.clear()
    from_.put(b"keeps the reader from seeing the end")
    await client.owner.until(lambda owner: owner.frames)

    from_.close()
    while not link.closed:
        link.put(b"too late")
        await asyncio.sleep(0)
    client.owner.reading.set()
    client.dialler.redial()

    assert await client.owner.link(2)
    assert [on for on, _ in client.owner.downs] == [link]


async def test_a_closed_link_takes_nothing_and_hears_nothing(ends: Ends) -> None:
    server = ends.listening()
    client = ends.dialling(await server.at())
    link = await client.owner.link()
    from_ = await server.owner.link()

    from_.put(b"too late")
    link.close("enough")
    assert not link.put(b"too late as well")
    await client.owner.until(lambda owner: owner.downs)
    await server.owner.until(lambda owner: owner.downs)

    assert client.owner.downs == [(link, "enough")]
    assert (client.owner.frames, server.owner.frames) == ([], [])
    assert client.dialler.counts[Counted.FRAMES_REFUSED_FULL] == 0


async def test_an_owner_that_fails_on_a_frame_loses_that_frame_alone(ends: Ends) -> None:
    class Failing(Recorder):
        async def frame_arrived(self, link: Link, frame: bytes) -> None:
            await super().frame_arrived(link, frame)
            if frame == b"bad":
                raise RuntimeError("a bug")

    server = ends.listening(Failing())
    link = await ends.dialling(await server.at()).owner.link()

    with capture_logs() as logs:
        for frame in (b"bad", b"good"):
            link.put(frame)
        await server.owner.until(lambda owner: len(owner.frames) == 2)

    assert server.owner.up
    assert server.listener.counts[Counted.OWNER_ERRORS] == 1
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["frame_lost"]


def _fail(*_: object) -> None:
    raise RuntimeError("a bug")


@pytest.mark.parametrize(
    "fails,who",
    [
        *((name, "listener") for name in ("admit", "link_up", "link_down")),
        *((name, "dialler") for name in ("admit", "link_up", "link_down", "dial_failed")),
    ],
)
async def test_an_owner_that_fails_ends_neither_listener_nor_dialler(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, fails: str, who: str
) -> None:
    server = ends.listening()
    address = await server.at()
    failing = server.owner if who == "listener" else Recorder()
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Recorder, fails, lambda self, *about: _fail() if self is failing else None)
        client = ends.dialling(address, owner=Recorder() if who == "listener" else failing)
        counts = (server.listener if who == "listener" else client.dialler).counts
        if fails in ("link_down", "dial_failed"):
            await until(lambda: client.dialler.link is not None)
            await server.listener.stop()
        await until(lambda: counts[Counted.OWNER_ERRORS])
    server.listener.listen(address)
    client.dialler.redial()
    await client.owner.until(lambda owner: owner.up)

    assert {entry["callback"] for entry in logs if entry["event"] == "owner_failed"} == {fails}

"""What a command-line client is shown of an entity. Source: bus 5.6."""

import json
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.peer_messages import PeerHeartbeat, encode_message
from models.service_path import ServicePath, hamgrd_base
from models.swbus import DataRequest, ErrorCode, Header, SwbusMessage, answer, decode, encode
from runner.bus.inbox import HandOver, Inbox
from runner.bus.outbox import Outbox
from runner.bus.state_dump import MAX_CHARACTERS, WantedRow, state_dump

OWN, PEER = (ServicePath("region-a", "cluster-a", f"switch{n}-dpu0") for n in (1, 2))
SCOPE, PEER_SCOPE = "ha-scope/vdpu0-0:haset0-0", "ha-scope/vdpu1-0:haset0-0"
REPORT = "HaScopeStateUpdate|vdpu0-0:haset0-0"
BEAT = encode_message("vdpu1-0:haset0-0", PeerHeartbeat(dst_actor_id="vdpu0-0:haset0-0"))
NEVER = 1_753_200_000_000
"""The wall clock, in milliseconds, when the clock of the outbox stood at 0."""


def inbox() -> Inbox:
    heard = Inbox(OWN)
    header = Header(id=42, source=hamgrd_base(PEER).entity(PEER_SCOPE), destination=hamgrd_base(OWN).entity(SCOPE))
    offered = heard.arrived(SwbusMessage(header, DataRequest(BEAT.encode())))
    assert isinstance(offered, HandOver)
    heard.consumed(offered, NEVER + 5_999)
    return heard


def outbox() -> Outbox:
    ids = count(100)
    said = Outbox(lambda _: next(ids), lambda: 0.0)
    said.link_changed("switch2_dpu0", True, 0)
    for destination in (PEER_SCOPE, "ha-set/haset0-0"):
        said.post("switch2_dpu0", SCOPE, destination, REPORT, f'{{"key":"{REPORT}","data":{{"n":1}}}}', 1_000)
    said.due(1_000)
    said.due(1_500)
    said.answered(SCOPE, 100, ErrorCode.OK, "", hamgrd_base(PEER).entity(PEER_SCOPE))
    said.answered(SCOPE, 101, ErrorCode.NO_ROUTE, "Route not found", hamgrd_base(PEER))
    said.post("switch9_dpu0", SCOPE, PEER_SCOPE, "PeerHeartbeat|vdpu0-0:haset0-0", '{"key":"k","data":{}}', 2_345)
    return said


def dump(said: Outbox, rows: list[WantedRow] | None = None, **limits: int) -> dict[str, Any]:
    text = state_dump(
        OWN,
        inbox().received_by(hamgrd_base(OWN).entity(SCOPE)),
        rows or [],
        said.sent_by(SCOPE),
        node_of={"switch2_dpu0": PEER}.get,
        unix_ms_of=lambda now_ms: NEVER + now_ms,
        **limits,
    )
    assert text.isascii()
    assert len(text) <= limits.get("max_characters", MAX_CHARACTERS)
    value: dict[str, Any] = json.loads(text)
    return value


def test_what_was_heard() -> None:
    assert dump(outbox())["incoming"] == {
        "PeerHeartbeat|vdpu1-0:haset0-0": {
            "msg": {"key": "PeerHeartbeat|vdpu1-0:haset0-0", "data": {"dst_actor_id": "vdpu0-0:haset0-0"}},
            "source": {
                "region_id": "region-a",
                "cluster_id": "cluster-a",
                "node_id": "switch2-dpu0",
                "service_type": "hamgrd",
                "service_id": "0",
                "resource_type": "ha-scope",
                "resource_id": "vdpu1-0:haset0-0",
            },
            "request_id": 42,
            "version": 1,
            "created_time": 1_753_200_005,
            "last_updated_time": 1_753_200_005,
            "response": "Ok",
            "acked": True,
        }
    }


def test_what_is_wanted() -> None:
    row = WantedRow("DASH_HA_SCOPE_STATE", "vdpu0-0|haset0-0", {"local_ha_state": "active"})
    assert dump(outbox(), [row])["internal"] == {
        "DASH_HA_SCOPE_STATE|vdpu0-0|haset0-0": {
            "swss_table_name": "DASH_HA_SCOPE_STATE",
            "swss_key": "vdpu0-0|haset0-0",
            "fvs": {"local_ha_state": "active"},
            "mutated": False,
            "to_delete": False,
            "backup_fvs": {"local_ha_state": "active"},
            "last_updated_time": None,
        }
    }


def test_what_was_said() -> None:
    sent = dump(outbox())["outgoing"]["outgoing_sent"]
    assert list(sent) == [REPORT, f"{REPORT} to ha-set/haset0-0", "PeerHeartbeat|vdpu0-0:haset0-0"]
    assert sent[REPORT] == {
        "msg": {"key": REPORT, "data": {"n": 1}},
        "id": 100,
        "created_time": 1_753_200_001,
        "last_updated_time": 1_753_200_001,
        "last_sent_time": 1_753_200_001,
        "version": 1,
        "acked": True,
        "response": "Ok",
        "response_source": sent[REPORT]["response_source"],
    }
    assert sent[REPORT]["response_source"]["resource_id"] == "vdpu1-0:haset0-0"
    to_set = sent[f"{REPORT} to ha-set/haset0-0"]
    assert (to_set["acked"], to_set["response"]) == (False, "301 NO_ROUTE: Route not found")


def test_what_waits() -> None:
    assert dump(outbox())["outgoing"]["outgoing_queued"] == [
        {
            "actor_message": {"key": "k", "data": {}},
            "swbus_message": {
                "header": {
                    "version": 1,
                    "flag": 0,
                    "ttl": 64,
                    "source": f"region-a.cluster-a.switch1-dpu0/hamgrd/0/{SCOPE}",
                    "destination": f"/hamgrd/0/{PEER_SCOPE}",
                },
                "body": {"DataRequest": {"payload": list(b'{"key":"k","data":{}}')}},
            },
            "time_sent": {"secs_since_epoch": 1_753_200_002, "nanos_since_epoch": 345_000_000},
        }
    ]


def test_a_short_dump_is_complete() -> None:
    assert "truncated" not in dump(outbox())


def test_a_dump_that_is_too_long_leaves_out_the_longest_entries_and_says_so() -> None:
    rows = [WantedRow("T", f"short{n}", {"a": "b"}) for n in range(3)]
    rows.append(WantedRow("T", "long", {"a": "é" * 300_000}))
    value = dump(outbox(), rows)
    assert sorted(value["internal"]) == ["T|short0", "T|short1", "T|short2"]
    assert value["truncated"].startswith("1 entries left out")
    assert value["incoming"]


def test_the_longest_dump_fits_into_a_frame() -> None:
    rows = [WantedRow("T", str(n), {"a": "x" * 1_000}) for n in range(2_000)]
    header = Header(id=1, source=hamgrd_base(PEER), destination=hamgrd_base(OWN).entity(SCOPE))
    value = json.dumps(dump(outbox(), rows), separators=(",", ":"))
    assert len(value) > MAX_CHARACTERS - 10_000
    reply = answer(SwbusMessage(header, DataRequest(b"")), 2, ErrorCode.OK, query_result=value)
    frame = encode(reply)
    assert len(frame) <= 1024 * 1024
    assert decode(frame) == reply


@settings(max_examples=50)
@given(st.integers(600, 8_000), st.lists(st.integers(0, 500), max_size=20))
def test_a_dump_never_exceeds_its_limit(limit: int, lengths: list[int]) -> None:
    rows = [WantedRow("T", str(n), {"a": "x" * length}) for n, length in enumerate(lengths)]
    dump(outbox(), rows, max_characters=limit)

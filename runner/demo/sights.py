"""What the one scope of the demonstration looks like when all is well: its rows, its probes, its route.

Source: scenarios 0.4, ha-set 3 and 4.
"""

from hamgr_fsm.vocabulary import HaState
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_TABLE,
    VNET_ROUTE_TUNNEL_TABLE,
)
from runner.demo.configuration import (
    DPU_ADDRESS,
    NPU_ADDRESS,
    PEER_DPU_ADDRESS,
    PEER_NPU_ADDRESS,
    VIP_V4,
    VNET,
)
from runner.demo.controller import HA_SET_ID, VDPU_ID
from runner.demo.expectation import Expectation, no_row, row_lists, row_shows

SCOPE_ROW = f"{VDPU_ID}|{HA_SET_ID}"
BFD_SESSIONS = tuple(f"default:default:{npu}" for npu in (NPU_ADDRESS, PEER_NPU_ADDRESS))
ROUTE = f"{VNET}:{VIP_V4}"
SCOPE_DELETED = (DASH_HA_SCOPE_TABLE, HA_SET_ID, None)
SET_DELETED = (DASH_HA_SET_TABLE, HA_SET_ID, None)
"""For the order in which the DPU is sent things: the end of the scope, the end of the set."""


def scope_is(state: HaState) -> Expectation:
    """The published scope is in this state, and the DPU has said so."""
    return row_shows(DASH_HA_SCOPE_STATE, SCOPE_ROW, local_ha_state=state.value, local_acked_asic_ha_state=state.value)


def probes_answered() -> tuple[Expectation, ...]:
    """The DPU answers the probes of both switches."""
    rows = tuple(
        row_shows(BFD_SESSION_TABLE, key, local_addr=DPU_ADDRESS, type="passive", multihop="true", shutdown="false")
        for key in BFD_SESSIONS
    )
    up = row_lists(DASH_HA_SCOPE_STATE, SCOPE_ROW, "local_vdpu_up_bfd_sessions_v4", NPU_ADDRESS, PEER_NPU_ADDRESS)
    return (*rows, up)


def probes_silent() -> tuple[Expectation, ...]:
    """The DPU answers no probe."""
    return tuple(no_row(BFD_SESSION_TABLE, key) for key in BFD_SESSIONS)


def route_prefers_us() -> Expectation:
    """Both virtual addresses lead to the preferred DPU, with the peer's switch as the other end."""
    return row_shows(
        VNET_ROUTE_TUNNEL_TABLE,
        ROUTE,
        endpoint=f"{DPU_ADDRESS},{PEER_NPU_ADDRESS}",
        endpoint_monitor=f"{DPU_ADDRESS},{PEER_DPU_ADDRESS}",
        primary=DPU_ADDRESS,
        monitoring="custom_bfd",
    )

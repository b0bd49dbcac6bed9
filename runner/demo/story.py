"""The life of one HA scope whose DPU drives it, as steps: what is done, and what everybody must then see.

Each step names its part of the specification. The order matters: a step begins where the one before ended.

Source: scenarios W16 to W19, W21, M6.2, M9.1, M9.3; dpu-driven 6.
"""

from collections.abc import Callable

from attrs import frozen

from hamgr_fsm.vocabulary import DesiredHaState, HaState, OperationType
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_SET_TABLE,
    DASH_HA_VDPU_STATE,
    DPU_RESET_INFO,
    VNET_ROUTE_TUNNEL_TABLE,
)
from runner.demo.cast import Cast
from runner.demo.configuration import DPU_ADDRESS, DPU_NAME, PEER_DPU_ADDRESS, VIP_V6
from runner.demo.controller import HA_SET_ID, VDPU_ID
from runner.demo.deeds import (
    approve,
    configure,
    configure_disabled,
    deconfigure,
    delete,
    restart_hamgrd,
    tell_dpu,
)
from runner.demo.expectation import (
    Expectation,
    asks_anew,
    asks_approval,
    asks_nothing,
    asks_the_same,
    dpu_content,
    dpu_got,
    no_row,
    nothing_left,
    requested,
    row_lacks,
    row_shows,
    undisturbed,
)
from runner.demo.sights import (
    BFD_SESSIONS,
    ROUTE,
    SCOPE_DELETED,
    SCOPE_ROW,
    SET_DELETED,
    probes_answered,
    probes_silent,
    route_prefers_us,
    scope_is,
)


@frozen
class Step:
    """One thing that is done and what is expected of it, all within one deadline."""

    title: str
    act: Callable[[Cast], None]
    expects: tuple[Expectation, ...]
    ref: str
    within_s: float = 20.0


LAUNCH = (
    Step(
        "the DPU boots, its peer is there",
        tell_dpu("peer_appears", "power_on"),
        (
            row_shows(DASH_HA_DPU_STATE, DPU_NAME, up="true", is_managed="true"),
            row_shows(DASH_HA_VDPU_STATE, VDPU_ID, up="true"),
        ),
        ref="ha-set 1",
    ),
    Step(
        "the controller configures HA set and scope, disabled",
        configure_disabled,
        (
            dpu_got(
                (DASH_HA_SET_TABLE, HA_SET_ID, {"owner": "dpu", "peer_ip": PEER_DPU_ADDRESS, "vip_v6": VIP_V6}),
                (
                    DASH_HA_SCOPE_TABLE,
                    HA_SET_ID,
                    {"disabled": "true", "ha_role": "active", "activate_role_requested": "false"},
                ),
            ),
            row_shows(DASH_HA_SET_STATE, HA_SET_ID, programmed="true", owner="dpu"),
            route_prefers_us(),
            scope_is(HaState.DEAD),
            *probes_silent(),
        ),
        ref="W16 1",
    ),
    Step(
        "the controller enables the scope",
        configure(disabled=False),
        (
            row_shows(DASH_HA_SCOPE_TABLE, HA_SET_ID, disabled="false", activate_role_requested="false"),
            scope_is(HaState.PENDING_ACTIVE_ACTIVATION),
            asks_approval(OperationType.ACTIVATE_ROLE),
            *probes_silent(),
        ),
        ref="W16 2, 3",
    ),
    Step(
        "the controller approves the activation",
        approve(OperationType.ACTIVATE_ROLE),
        (
            scope_is(HaState.ACTIVE),
            requested("activate_role_requested", 1),
            asks_nothing(),
            *probes_answered(),
            route_prefers_us(),
        ),
        ref="W16 4, 5",
    ),
    Step(
        "hamgrd is killed and started again",
        restart_hamgrd,
        (undisturbed(HaState.ACTIVE), asks_nothing(), requested("activate_role_requested", 1), *probes_answered()),
        ref="M6.2, W15",
    ),
)

FAULTS = (
    Step(
        "the peer is lost",
        tell_dpu("peer_lost"),
        (
            scope_is(HaState.STANDALONE),
            row_shows(DASH_HA_SET_STATE, HA_SET_ID, up="false"),
            asks_approval(OperationType.FLOW_RECONCILE),
            *probes_answered(),
            route_prefers_us(),
        ),
        ref="W18",
    ),
    Step(
        "hamgrd is killed while its request waits for approval",
        restart_hamgrd,
        (undisturbed(HaState.STANDALONE), asks_the_same(OperationType.FLOW_RECONCILE)),
        ref="W15",
    ),
    Step(
        "the controller approves the flow reconciliation",
        approve(OperationType.FLOW_RECONCILE),
        (
            requested("flow_reconcile_requested", 1),
            asks_nothing(),
            scope_is(HaState.STANDALONE),
        ),
        ref="W17 4",
    ),
    Step(
        "the peer is back",
        tell_dpu("peer_appears"),
        (scope_is(HaState.ACTIVE), row_shows(DASH_HA_SET_STATE, HA_SET_ID, up="true"), *probes_answered()),
        ref="M9.5",
    ),
    Step(
        "the pair splits: both sides serve alone",
        tell_dpu("split_brain"),
        (scope_is(HaState.STANDALONE), asks_approval(OperationType.BRAINSPLIT_RECOVER)),
        ref="W19, M9.3",
    ),
    Step(
        "the controller approves the recovery",
        approve(OperationType.BRAINSPLIT_RECOVER),
        (scope_is(HaState.ACTIVE), requested("brainsplit_recovered", 1), asks_nothing(), *probes_answered()),
        ref="W19, M9.3",
    ),
)

RESET = (
    Step(
        "the DPU loses power",
        tell_dpu("power_off"),
        (
            row_shows(
                DASH_HA_SCOPE_STATE,
                SCOPE_ROW,
                local_vdpu_midplane_state="down",
                local_vdpu_control_plane_state="down",
                local_vdpu_data_plane_state="down",
            ),
            row_lacks(DASH_HA_SCOPE_STATE, SCOPE_ROW, "local_acked_asic_ha_state"),
            row_shows(DASH_HA_DPU_STATE, DPU_NAME, up="false"),
            row_shows(DPU_RESET_INFO, "DPU0", reset_status="true", dpu_id=DPU_NAME, vdpu_id=VDPU_ID),
        ),
        ref="W18, ha-set 1",
    ),
    Step(
        "the DPU boots again, empty",
        tell_dpu("power_on"),
        (
            dpu_got(
                (DASH_HA_SET_TABLE, HA_SET_ID, {"owner": "dpu"}),
                (DASH_HA_SCOPE_TABLE, HA_SET_ID, {"disabled": "false", "activate_role_requested": "false"}),
            ),
            scope_is(HaState.PENDING_ACTIVE_ACTIVATION),
            asks_anew(OperationType.ACTIVATE_ROLE),
        ),
        ref="W18, W21",
    ),
    Step(
        "the controller approves the activation again",
        approve(OperationType.ACTIVATE_ROLE),
        (
            scope_is(HaState.ACTIVE),
            dpu_got(*((BFD_SESSION_TABLE, key, {"local_addr": DPU_ADDRESS}) for key in BFD_SESSIONS)),
            requested("activate_role_requested", 2),
            asks_nothing(),
            *probes_answered(),
        ),
        ref="W21",
    ),
)

LEAVE = (
    Step(
        "the controller shuts the scope down",
        configure(desired_ha_state=DesiredHaState.DEAD),
        (
            dpu_got(
                *((BFD_SESSION_TABLE, key, None) for key in BFD_SESSIONS),
                (DASH_HA_SCOPE_TABLE, HA_SET_ID, {"ha_role": "dead", "disabled": "false"}),
            ),
            scope_is(HaState.DEAD),
            *probes_silent(),
            route_prefers_us(),
        ),
        ref="W17 1, 2",
    ),
    Step(
        "the controller disables the scope",
        configure(disabled=True),
        (row_shows(DASH_HA_SCOPE_TABLE, HA_SET_ID, disabled="true", ha_role="dead"), scope_is(HaState.DEAD)),
        ref="W17 5",
    ),
    Step(
        "the controller deletes scope and set",
        delete,
        (
            dpu_got(SCOPE_DELETED, SET_DELETED),
            dpu_content(),
            no_row(DASH_HA_SCOPE_TABLE, HA_SET_ID),
            no_row(DASH_HA_SET_TABLE, HA_SET_ID),
            no_row(VNET_ROUTE_TUNNEL_TABLE, ROUTE),
            no_row(DASH_HA_SCOPE_STATE, SCOPE_ROW),
            no_row(DASH_HA_SET_STATE, HA_SET_ID),
        ),
        ref="M9.1",
    ),
    Step(
        "the operator removes the configuration of DPUs and vDPUs",
        deconfigure,
        (nothing_left(),),
        ref="M9.1",
    ),
)

LIFE = (*LAUNCH, *FAULTS, *RESET)
"""From the first configuration to a scope that has survived everything and is active."""

STORY = (*LIFE, *LEAVE)
"""The whole life, until nothing of it is left."""

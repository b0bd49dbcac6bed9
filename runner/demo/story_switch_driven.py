"""The life of a pair that its switches drive, as steps: the two hamgrd talk over the bus and decide.

The order matters: a step begins where the one before ended.

Source: scenarios W01, W04, W07, W11, W13, W14, M5.9, M6.2, M7, M9.1; switch-driven 3.
"""

from hamgr_fsm.vocabulary import OperationType
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_TABLE,
    DPU_RESET_INFO,
)
from runner.demo import deeds
from runner.demo.configuration import VIP_V6, A, B
from runner.demo.expectation import (
    asks,
    asks_anew,
    dpu_got,
    dpus_content,
    never_was,
    no_route,
    nobody_asks,
    nothing_left,
    pair_is,
    row_shows,
    term_rises,
    traffic_goes_to,
    traffic_stays,
    undisturbed,
)
from runner.demo.sights import SESSIONS, probes_answered, probes_silent, routes_lead_to
from runner.demo.step import Step
from runner.lab.sides import SET_ID

ACTIVATE = OperationType.ACTIVATE_ROLE
SWITCHOVER = OperationType.SWITCHOVER

A_SERVES = (pair_is(A="active/active", B="standby/standby"), traffic_goes_to("A"), nobody_asks())
B_SERVES = (pair_is(A="standby/standby", B="active/active"), traffic_goes_to("B"))

LAUNCH = (
    Step(
        "both DPUs boot",
        deeds.boot("A", "B"),
        (
            row_shows("A", DASH_HA_DPU_STATE, A.dpu_name, up="true", is_managed="true"),
            row_shows("B", DASH_HA_DPU_STATE, B.dpu_name, up="true", is_managed="true"),
        ),
        ref="ha-set 1",
    ),
    Step(
        "the controller configures HA set and scopes, disabled",
        deeds.together(
            deeds.configure_set,
            deeds.configure("A", disabled=True, desired="active"),
            deeds.configure("B", disabled=True, desired="unspecified"),
        ),
        (
            dpu_got(
                "A",
                (DASH_HA_SET_TABLE, SET_ID, {"owner": "switch", "peer_ip": B.pa, "vip_v6": VIP_V6}),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"ha_role": "dead"}),
            ),
            dpu_got(
                "B",
                (DASH_HA_SET_TABLE, SET_ID, {"owner": "switch", "peer_ip": A.pa, "vip_v6": VIP_V6}),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"ha_role": "dead"}),
            ),
            pair_is(A="dead/dead", B="dead/dead"),
            no_route("A", "B"),
        ),
        ref="W01, Z1",
    ),
    Step(
        "the controller enables both scopes: they elect A",
        deeds.together(deeds.configure("A", disabled=False), deeds.configure("B", disabled=False)),
        (
            asks("A", ACTIVATE),
            pair_is(A="pending_active_activation/dead", B="initializing_to_standby/standby"),
            no_route("A", "B"),
        ),
        ref="W01 1 to 7",
    ),
    Step(
        "the controller approves the activation of A",
        deeds.approve("A", ACTIVATE),
        (
            pair_is(A="active/active", B="pending_standby_activation/standby"),
            term_rises("A"),
            asks("B", ACTIVATE),
            traffic_goes_to("A"),
        ),
        ref="W01 8 to 10",
    ),
    Step(
        "the controller approves the activation of B",
        deeds.approve("B", ACTIVATE),
        (
            *A_SERVES,
            dpu_got("B", (DASH_HA_SCOPE_TABLE, SET_ID, {"ha_role": "standby", "ha_term": "1"})),
            *routes_lead_to("A"),
            probes_answered("A"),
            probes_answered("B"),
            traffic_stays(),
        ),
        ref="W01 11",
    ),
    Step("hamgrd of switch A is killed and started again", deeds.restart_hamgrd("A"), (undisturbed(),), ref="M6.2"),
)

SWITCHOVERS = (
    Step(
        "the controller wants B to be active",
        deeds.together(deeds.configure("A", desired="unspecified"), deeds.configure("B", desired="active")),
        (asks("B", SWITCHOVER), pair_is(A="active/active", B="standby/standby"), traffic_stays()),
        ref="W04 1, 2",
    ),
    Step(
        "the controller approves: B takes over",
        deeds.approve("B", SWITCHOVER),
        (
            dpu_got(
                "B",
                (DASH_HA_SCOPE_TABLE, SET_ID, {"ha_role": "switching_to_active"}),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"ha_role": "active"}),
            ),
            *B_SERVES,
            nobody_asks(),
            term_rises("B"),
            *routes_lead_to("B"),
        ),
        ref="W04 3 to 9",
    ),
    Step(
        "the controller wants A to be active again",
        deeds.together(deeds.configure("B", desired="unspecified"), deeds.configure("A", desired="active")),
        (asks_anew("A", SWITCHOVER), traffic_stays()),
        ref="W04 1, 2",
    ),
    Step(
        "the controller approves: A takes over",
        deeds.approve("A", SWITCHOVER),
        (*A_SERVES, term_rises("A")),
        ref="W04 3 to 9",
    ),
)

FAULTS = (
    Step(
        "the DPU of A loses power: B serves alone",
        deeds.power_off("A"),
        (
            pair_is(A="standby/", B="standalone/standalone"),
            term_rises("B"),
            traffic_goes_to("B"),
            row_shows("A", DPU_RESET_INFO, "DPU0", reset_status="true", dpu_id=A.dpu_name, vdpu_id=A.vdpu_id),
            never_was("A", "standalone"),
        ),
        ref="M7.1, W13c",
    ),
    Step(
        "the DPU of A boots again, empty, and gets the flows of B",
        deeds.boot("A"),
        (
            asks("A", ACTIVATE),
            dpu_got(
                "A",
                (DASH_HA_SET_TABLE, SET_ID, {"owner": "switch"}),
                (BFD_SESSION_TABLE, SESSIONS[0], {"local_addr": A.pa}),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"ha_role": "standby"}),
            ),
            pair_is(A="pending_standby_activation/standby", B="active/active"),
            traffic_stays(),
        ),
        ref="W13f, W21",
    ),
    Step(
        "the controller approves the activation of A, and then the way back",
        deeds.approve("A", ACTIVATE),
        (*B_SERVES, asks_anew("A", SWITCHOVER), traffic_stays()),
        ref="W14, W05e",
    ),
    Step("the controller approves: A takes over", deeds.approve("A", SWITCHOVER), A_SERVES, ref="W04"),
    Step(
        "switch B loses power, with hamgrd, DPU and all it knew: A serves alone",
        deeds.lose_switch("B"),
        (pair_is(A="standalone/standalone"), term_rises("A"), traffic_goes_to("A", "A")),
        ref="M7.2, W13b",
    ),
    Step(
        "switch B is back, and the controller configures it again",
        deeds.together(deeds.return_switch("B"), deeds.configure_again("B", desired="unspecified")),
        (
            pair_is(A="active/active", B="pending_standby_activation/standby"),
            asks("B", ACTIVATE),
            traffic_goes_to("A"),
        ),
        ref="M7.2, W02",
    ),
    Step("the controller approves the activation of B", deeds.approve("B", ACTIVATE), A_SERVES, ref="W02 6"),
    Step(
        "the data plane channel is lost, the control link is not: one side serves alone",
        deeds.lose_channel,
        (pair_is(A="standalone/standalone", B="standby/standby"), never_was("B", "standalone"), traffic_stays()),
        ref="M5.9, W12h",
    ),
    Step(
        "the channel is back: B gets the flows of A",
        deeds.mend_channel,
        (
            pair_is(A="active/active", B="pending_standby_activation/standby"),
            asks("B", ACTIVATE),
            term_rises("A"),
            traffic_stays(),
        ),
        ref="W14",
    ),
    Step("the controller approves the activation of B", deeds.approve("B", ACTIVATE), A_SERVES, ref="W14 3"),
)

SHUTDOWNS = (
    Step(
        "the controller shuts B down as planned",
        deeds.configure("B", desired="dead"),
        (
            pair_is(A="standalone/standalone", B="dead/dead"),
            term_rises("A"),
            probes_silent("B"),
            never_was("B", "standalone", "switching_to_standalone"),
            traffic_stays(),
        ),
        ref="W07, M2.3",
    ),
    Step(
        "the controller launches B again",
        deeds.relaunch("B", desired="unspecified"),
        (
            pair_is(A="active/active", B="pending_standby_activation/standby"),
            asks("B", ACTIVATE),
            traffic_stays(),
        ),
        ref="W02",
    ),
    Step("the controller approves the activation of B", deeds.approve("B", ACTIVATE), A_SERVES, ref="W02 6"),
    Step(
        "the controller disables A by force: B serves alone",
        deeds.configure("A", disabled=True),
        (pair_is(A="dead/dead", B="standalone/standalone"), term_rises("B"), traffic_goes_to("B"), probes_silent("A")),
        ref="W11",
    ),
    Step(
        "the controller enables A again",
        deeds.configure("A", disabled=False),
        (pair_is(A="pending_standby_activation/standby", B="active/active"), asks("A", ACTIVATE), traffic_stays()),
        ref="W02",
    ),
    Step(
        "the controller approves the activation of A, and then the way back",
        deeds.approve("A", ACTIVATE),
        (*B_SERVES, asks_anew("A", SWITCHOVER), traffic_stays()),
        ref="W02 6, W05e",
    ),
    Step(
        "the controller approves: A takes over", deeds.approve("A", SWITCHOVER), (*A_SERVES, dpus_content()), ref="W04"
    ),
)

LEAVE = (
    Step(
        "the controller deletes scopes and sets",
        deeds.delete,
        (
            dpu_got("A", (DASH_HA_SCOPE_TABLE, SET_ID, None), (DASH_HA_SET_TABLE, SET_ID, None)),
            dpu_got("B", (DASH_HA_SCOPE_TABLE, SET_ID, None), (DASH_HA_SET_TABLE, SET_ID, None)),
            nothing_left(configured=True),
            dpus_content(),
        ),
        ref="M9.1",
    ),
    Step(
        "the operator removes the configuration of both switches",
        deeds.deconfigure,
        (nothing_left(configured=False),),
        ref="M9.1",
    ),
)

LIFE = (*LAUNCH, *SWITCHOVERS, *FAULTS, *SHUTDOWNS)
"""From the first configuration to a pair that has survived everything."""

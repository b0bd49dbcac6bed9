"""The life of a pair whose DPUs drive it, as steps: hamgrd passes on, relays requests and approvals, and reports.

The order matters: a step begins where the one before ended.

Source: scenarios W16 to W19, W21, M2.3, M7, M9.1, M9.3; dpu-driven 6.
"""

from hamgr_fsm.vocabulary import OperationType
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_SET_TABLE,
    DPU_RESET_INFO,
)
from runner.demo import deeds
from runner.demo.configuration import VIP_V6, A, B
from runner.demo.expectation import (
    asks,
    asks_anew,
    asks_the_same,
    dpu_got,
    dpus_content,
    nobody_asks,
    nothing_left,
    pair_is,
    requested,
    row_lacks,
    row_shows,
    traffic_goes_to,
    traffic_stays,
    undisturbed,
)
from runner.demo.sights import SESSIONS, probes_answered, probes_silent, routes_lead_to
from runner.demo.step import Step
from runner.lab.sides import SET_ID

ACTIVATE = OperationType.ACTIVATE_ROLE
RECONCILE = OperationType.FLOW_RECONCILE
RECOVER = OperationType.BRAINSPLIT_RECOVER

PAIR_FORMS = (
    pair_is(A="active/active", B="standby/standby"),
    nobody_asks(),
    probes_answered("A"),
    probes_answered("B"),
    traffic_stays(),
)

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
                (DASH_HA_SET_TABLE, SET_ID, {"owner": "dpu", "peer_ip": B.pa, "vip_v6": VIP_V6}),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"disabled": "true", "ha_role": "active"}),
            ),
            dpu_got(
                "B",
                (DASH_HA_SET_TABLE, SET_ID, {"owner": "dpu", "peer_ip": A.pa, "vip_v6": VIP_V6}),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"disabled": "true", "ha_role": "standby"}),
            ),
            pair_is(A="dead/dead", B="dead/dead"),
            *routes_lead_to("A"),
            probes_silent("A"),
            probes_silent("B"),
        ),
        ref="W16 1",
    ),
    Step(
        "the controller enables both scopes",
        deeds.together(deeds.configure("A", disabled=False), deeds.configure("B", disabled=False)),
        (
            asks("A", ACTIVATE),
            asks("B", ACTIVATE),
            row_shows("A", DASH_HA_SCOPE_STATE, A.state_key, local_ha_state="pending_active_activation"),
            row_shows("B", DASH_HA_SCOPE_STATE, B.state_key, local_ha_state="pending_standby_activation"),
            probes_silent("A"),
            probes_silent("B"),
        ),
        ref="W16 2, 3",
    ),
    Step(
        "the controller approves both activations",
        deeds.together(deeds.approve("A", ACTIVATE), deeds.approve("B", ACTIVATE)),
        (
            *PAIR_FORMS,
            requested("A", "activate_role_requested"),
            requested("B", "activate_role_requested"),
        ),
        ref="W16 4, 5",
    ),
    Step("hamgrd of switch A is killed and started again", deeds.restart_hamgrd("A"), (undisturbed(),), ref="M6.2"),
)

FAULTS = (
    Step(
        "the DPU of A loses power",
        deeds.power_off("A"),
        (
            row_shows("B", DASH_HA_SCOPE_STATE, B.state_key, local_ha_state="standalone"),
            row_lacks("A", DASH_HA_SCOPE_STATE, A.state_key, "local_acked_asic_ha_state"),
            row_shows("A", DASH_HA_DPU_STATE, A.dpu_name, up="false"),
            row_shows("A", DPU_RESET_INFO, "DPU0", reset_status="true", dpu_id=A.dpu_name, vdpu_id=A.vdpu_id),
            row_shows("B", DASH_HA_SET_STATE, SET_ID, up="false"),
            asks("B", RECONCILE),
            traffic_stays(),
        ),
        ref="M7.1d, W18",
    ),
    Step(
        "hamgrd of switch B is killed while its request waits for approval",
        deeds.restart_hamgrd("B"),
        (undisturbed(), asks_the_same("B", RECONCILE)),
        ref="W15",
    ),
    Step(
        "the controller approves the flow reconciliation",
        deeds.approve("B", RECONCILE),
        (requested("B", "flow_reconcile_requested"), nobody_asks()),
        ref="W17 4",
    ),
    Step(
        "the DPU of A boots again, empty",
        deeds.boot("A"),
        (
            asks_anew("A", ACTIVATE),
            dpu_got(
                "A",
                (DASH_HA_SET_TABLE, SET_ID, {"owner": "dpu"}),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"disabled": "false", "activate_role_requested": "false"}),
            ),
        ),
        ref="W18, W21",
    ),
    Step(
        "the controller approves the activation of A",
        deeds.approve("A", ACTIVATE),
        (*PAIR_FORMS, requested("A", "activate_role_requested")),
        ref="W21",
    ),
    Step(
        "switch B loses power, with hamgrd, DPU and all it knew",
        deeds.lose_switch("B"),
        (pair_is(A="standalone/standalone"), asks("A", RECONCILE), traffic_goes_to("A", "A")),
        ref="M7.2, W18",
    ),
    Step(
        "the controller approves; switch B is back, and is configured again",
        deeds.together(
            deeds.approve("A", RECONCILE), deeds.return_switch("B"), deeds.configure_again("B", desired="unspecified")
        ),
        (asks("B", ACTIVATE), requested("A", "flow_reconcile_requested")),
        ref="M7.2, W16",
    ),
    Step("the controller approves the activation of B", deeds.approve("B", ACTIVATE), PAIR_FORMS, ref="W16"),
    Step(
        "the data plane channel is lost: both sides serve alone",
        deeds.lose_channel,
        (
            pair_is(A="standalone/standalone", B="standalone/standalone"),
            asks("A", RECONCILE),
            asks("B", RECONCILE),
            traffic_stays(),
        ),
        ref="M5.5d, M9.3",
    ),
    Step(
        "the controller approves; the channel is back, and the split is seen",
        deeds.together(deeds.approve("A", RECONCILE), deeds.approve("B", RECONCILE), deeds.mend_channel),
        (asks("A", RECOVER), asks("B", RECOVER)),
        ref="W19, M9.3",
    ),
    Step(
        "the controller approves the recovery of B",
        deeds.approve("B", RECOVER),
        (*PAIR_FORMS, requested("B", "brainsplit_recovered"), requested("A", "brainsplit_recovered", 0)),
        ref="W19, M9.3",
    ),
)

SHUTDOWNS = (
    Step(
        "the controller shuts B down as planned",
        deeds.configure("B", desired="dead"),
        (
            dpu_got(
                "B",
                *((BFD_SESSION_TABLE, key, None) for key in SESSIONS),
                (DASH_HA_SCOPE_TABLE, SET_ID, {"ha_role": "dead", "disabled": "false"}),
            ),
            pair_is(A="standalone/standalone", B="dead/dead"),
            asks("A", RECONCILE),
            probes_silent("B"),
            traffic_stays(),
        ),
        ref="M2.3d, W17 1 to 3",
    ),
    Step(
        "the controller launches B again",
        deeds.together(deeds.approve("A", RECONCILE), deeds.relaunch("B", desired="unspecified")),
        (asks_anew("B", ACTIVATE), requested("A", "flow_reconcile_requested")),
        ref="W17 4, 5",
    ),
    Step("the controller approves the activation of B", deeds.approve("B", ACTIVATE), PAIR_FORMS, ref="W17 5"),
    Step(
        "the controller disables A by force",
        deeds.configure("A", disabled=True),
        (pair_is(A="dead/dead", B="standalone/standalone"), asks("B", RECONCILE), probes_silent("A"), traffic_stays()),
        ref="W11",
    ),
    Step(
        "the controller enables A again",
        deeds.together(deeds.approve("B", RECONCILE), deeds.configure("A", disabled=False)),
        (asks_anew("A", ACTIVATE), requested("B", "flow_reconcile_requested")),
        ref="W11, W16",
    ),
    Step(
        "the controller approves the activation of A",
        deeds.approve("A", ACTIVATE),
        (*PAIR_FORMS, dpus_content()),
        ref="W16",
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

LIFE = (*LAUNCH, *FAULTS, *SHUTDOWNS)
"""From the first configuration to a pair that has survived everything."""

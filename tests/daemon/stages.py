"""The planned up of a scope, one stage after the other: what is done, and what is seen once it has taken effect."""

from collections.abc import Callable, Mapping

from attrs import frozen

from hamgr_fsm.vocabulary import OperationType
from models.tables import DASH_HA_DPU_STATE, DASH_HA_SCOPE_TABLE, DASH_HA_SET_STATE
from runner.demo.configuration import A, Ports, config_rows
from tests.daemon.controller import HA_SET_ID
from tests.daemon.switch import Switch

ASKED = OperationType.ACTIVATE_ROLE


@frozen
class Stage:
    """One thing that happens: ``act`` does it, ``seen`` says that all its consequences are there."""

    name: str
    act: Callable[[Switch], object]
    seen: Callable[[Switch], bool] = lambda switch: True

    def __str__(self) -> str:
        return self.name


def told(switch: Switch, **fields: str) -> bool:
    """The DPU has heard of the scope, with these values, and the copy in Redis says the same."""
    sent = switch.dpu.last(DASH_HA_SCOPE_TABLE.name, HA_SET_ID) or {}
    return fields.items() <= sent.items() and fields.items() <= switch.rows.row(DASH_HA_SCOPE_TABLE, HA_SET_ID).items()


def published(switch: Switch, **fields: str) -> bool:
    """The scope is published with these values."""
    return fields.items() <= switch.state.items()


def configured(number: int) -> Callable[[Switch], None]:
    """The operator writes one row of CONFIG_DB."""

    def act(switch: Switch) -> None:
        table, key, fields = switch.config_rows()[number]
        switch.rows.write(table, key, fields)

    return act


def reports(state: str, **fields: str) -> Stage:
    """The DPU takes one step and says so."""
    wanted: Mapping[str, str] = {"local_ha_state": state, "local_acked_asic_ha_state": state, **fields}
    return Stage(f"DPU is {state}", lambda s: s.dpu.advance(), lambda s: published(s, **wanted))


PLANNED_UP: tuple[Stage, ...] = (
    Stage("nothing is configured", lambda switch: None),
    *(
        Stage(f"configured {table.name} {key}", configured(number))
        for number, (table, key, _) in enumerate(config_rows(A, Ports(0, 0)))
    ),
    Stage("peer is in sight", lambda s: s.dpu.do(lambda dpu, _: dpu.peer_appears())),
    Stage(
        "DPU is up",
        lambda s: s.dpu.power_on(),
        lambda s: s.rows.row(DASH_HA_DPU_STATE, "dpu0_0").get("up") == "true",
    ),
    Stage("set", lambda s: s.controller.configure_set(), lambda s: bool(s.rows.row(DASH_HA_SET_STATE, HA_SET_ID))),
    Stage(
        "scope, disabled",
        lambda s: s.controller.configure_scope(disabled=True),
        lambda s: told(s, disabled="true") and published(s, relay_state="disabled"),
    ),
    reports("dead"),
    Stage(
        "scope, enabled",
        lambda s: s.controller.configure_scope(disabled=False),
        lambda s: told(s, disabled="false") and published(s, relay_state="enabled"),
    ),
    reports("connecting"),
    reports("connected"),
    reports("initializing_to_active"),
    reports("pending_active_activation", pending_operation_types="activate_role"),
    Stage(
        "approved",
        lambda s: s.controller.approve(ASKED),
        lambda s: s.dpu.requests("activate_role_requested") == 1 and published(s, pending_operation_ids=""),
    ),
    Stage(
        "DPU is active",
        lambda s: s.dpu.advance(),
        lambda s: published(s, local_ha_state="active", probe_state="responding") and len(s.dpu.dpu.up_sessions) == 2,
    ),
    Stage("BFD sessions are up", lambda s: s.dpu.settle(), lambda s: s.state["local_vdpu_up_bfd_sessions_v4"] != ""),
)
"""From empty databases to a scope that serves."""

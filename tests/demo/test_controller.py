"""The simulated controller writes what a real one writes (tables 3.2, 3.7) and approves what is pending."""

import pytest

from hamgr_fsm.vocabulary import DesiredHaState, OperationType
from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE
from runner.demo.controller import HA_SET_ID, VDPU_ID, Controller
from tests.demo.conftest import Switch

SET_MESSAGE = bytes.fromhex(
    "0a03312e3012050d030201001a1212100003000200000000000000000001000022077664707530"
    "5f30220776647075315f30280132046e6f6e6532046e6f6e653a0776647075305f30"
)
SCOPE_DISABLED = bytes.fromhex("0a01311001180122086861736574305f302802")
SCOPE_ENABLED = bytes.fromhex("0a0131180122086861736574305f302802")


@pytest.fixture
def controller(switch: Switch) -> Controller:
    return Controller(switch.rows)


def message(switch: Switch, name: str) -> bytes:
    found = switch.rows.client(Database.APPL_DB).hget(name, "pb")
    assert isinstance(found, bytes)
    return found


def scope_message(switch: Switch) -> bytes:
    return message(switch, f"DASH_HA_SCOPE_CONFIG_TABLE:{VDPU_ID}:{HA_SET_ID}")


def test_rows_carry_the_whole_message_raw(switch: Switch, controller: Controller) -> None:
    controller.configure_set()
    controller.configure_scope()
    assert message(switch, f"DASH_HA_SET_CONFIG_TABLE:{HA_SET_ID}") == SET_MESSAGE
    assert scope_message(switch) == SCOPE_DISABLED


def test_what_is_not_given_stays(switch: Switch, controller: Controller) -> None:
    controller.configure_scope(disabled=False)
    assert scope_message(switch) == SCOPE_ENABLED
    controller.configure_scope(desired_ha_state=DesiredHaState.DEAD)
    assert scope_message(switch) == SCOPE_ENABLED[:-1] + b"\x01"


def test_approval_repeats_the_scope_with_the_id_once(switch: Switch, controller: Controller) -> None:
    pending = {
        "pending_operation_ids": "8dda84ea-fdb4-4edd-b88c-55fc96d02a6f,another",
        "pending_operation_types": "activate_role,flow_reconcile",
    }
    switch.rows.write(DASH_HA_SCOPE_STATE, f"{VDPU_ID}|{HA_SET_ID}", pending)
    controller.configure_scope(disabled=False)
    assert controller.approve(OperationType.ACTIVATE_ROLE) == "8dda84ea-fdb4-4edd-b88c-55fc96d02a6f"
    assert scope_message(switch) == SCOPE_ENABLED + b"\x32\x248dda84ea-fdb4-4edd-b88c-55fc96d02a6f"
    controller.configure_scope()
    assert scope_message(switch) == SCOPE_ENABLED


def test_nothing_is_approved_that_is_not_pending(switch: Switch, controller: Controller) -> None:
    with pytest.raises(KeyError):
        controller.approve(OperationType.ACTIVATE_ROLE)


def test_deletion_leaves_nothing(switch: Switch, controller: Controller) -> None:
    controller.configure_set()
    controller.configure_scope()
    controller.delete()
    assert not switch.rows.names(Database.APPL_DB)

"""What is done in the steps of the demonstration: by the controller, to the DPU, to hamgrd, by the operator."""

from collections.abc import Callable

from hamgr_fsm.vocabulary import DesiredHaState, OperationType
from runner.demo.cast import Cast
from runner.demo.configuration import config_rows

RESTART_DEADLINE_S = 20.0


def approve(kind: OperationType) -> Callable[[Cast], None]:
    """The controller approves what the scope waits for."""

    def act(cast: Cast) -> None:
        cast.controller.approve(kind)

    return act


def tell_dpu(*stimuli: str) -> Callable[[Cast], None]:
    """Something happens to the DPU or to its peer."""

    def act(cast: Cast) -> None:
        for stimulus in stimuli:
            cast.dpu.tell(stimulus)

    return act


def configure(disabled: bool | None = None, desired_ha_state: DesiredHaState | None = None) -> Callable[[Cast], None]:
    """The controller writes the scope."""

    def act(cast: Cast) -> None:
        cast.controller.configure_scope(disabled, desired_ha_state)

    return act


def configure_disabled(cast: Cast) -> None:
    """The controller writes the set, and the scope as disabled."""
    cast.controller.configure_set()
    cast.controller.configure_scope(disabled=True, desired_ha_state=DesiredHaState.ACTIVE)


def restart_hamgrd(cast: Cast) -> None:
    """hamgrd is killed, and started again."""
    cast.hamgrd.restart(RESTART_DEADLINE_S)


def delete(cast: Cast) -> None:
    """The controller deletes scope and set."""
    cast.controller.delete()


def deconfigure(cast: Cast) -> None:
    """The operator removes what the switch was configured with."""
    for table, key, _ in reversed(config_rows(0)):
        cast.rows.remove(table, key)

"""What else happens to a scope whose DPU drives it: orders and faults that the demonstration does not show.

hamgrd and the DPU are real processes, the stage is that of the demonstration. Source: scenarios W15, W21, M9.4, C01,
C03, C07.
"""

from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from rich.console import Console

from hamgr_fsm.vocabulary import DesiredHaState, HaState, OperationType
from models.tables import (
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_SET_TABLE,
)
from runner.demo.cast import Cast
from runner.demo.controller import HA_SET_ID, VDPU_ID
from runner.demo.deeds import approve, configure, configure_disabled, tell_dpu
from runner.demo.expectation import (
    Expectation,
    asks_anew,
    asks_approval,
    asks_nothing,
    dpu_content,
    dpu_got,
    no_row,
    requested,
    row_lacks,
    undisturbed,
)
from runner.demo.play import play
from runner.demo.screen import Lines
from runner.demo.sights import SCOPE_DELETED, SET_DELETED, probes_answered, probes_silent, scope_is
from runner.demo.stage import HamgrdProcess, Stage
from runner.demo.story import LAUNCH, LEAVE, Step

BOOT, CONFIGURE, ENABLE, ACTIVATE, _ = LAUNCH
UP = (BOOT, CONFIGURE, ENABLE, ACTIVATE)

PROGRAMMED_AGAIN = dpu_got(
    (DASH_HA_SET_TABLE, HA_SET_ID, {"owner": "dpu"}),
    (DASH_HA_SCOPE_TABLE, HA_SET_ID, {"activate_role_requested": "false"}),
)
WAITS_FOR_ACTIVATION = (
    scope_is(HaState.PENDING_ACTIVE_ACTIVATION),
    asks_anew(OperationType.ACTIVATE_ROLE),
    *probes_silent(),
)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage(pace_ms=50) as stage:
        yield stage


@pytest.fixture
def cast(stage: Stage) -> Cast:
    return stage.open()


def then(act: Callable[[Cast], None], *expects: Expectation, within_s: float = 30.0) -> Step:
    return Step("then", act, expects, ref="", within_s=within_s)


ACTIVATE_AGAIN = then(
    approve(OperationType.ACTIVATE_ROLE),
    scope_is(HaState.ACTIVE),
    requested("activate_role_requested", 2),
    asks_nothing(),
    dpu_content(),
    *probes_answered(),
)


def live(cast: Cast, *steps: Step) -> None:
    """Play the steps; a failure shows all that was seen."""
    paper = StringIO()
    assert play(cast, steps, Lines(Console(file=paper, width=300), len(steps))), paper.getvalue()


def while_hamgrd_is_down(stage: Stage, act: Callable[[Cast], None]) -> Callable[[Cast], None]:
    """hamgrd is killed, something happens, and it is started again."""

    def whole(cast: Cast) -> None:
        hamgrd = stage.hamgrd
        assert isinstance(hamgrd, HamgrdProcess)
        hamgrd.kill()
        act(cast)
        hamgrd.start()

    return whole


def test_orchagent_that_restarts_is_programmed_again(cast: Cast) -> None:
    live(cast, *UP, then(tell_dpu("restart_swss"), PROGRAMMED_AGAIN, *WAITS_FOR_ACTIVATION), ACTIVATE_AGAIN)


def test_orchagent_whose_restart_nobody_reports_is_programmed_again(cast: Cast) -> None:
    def restart_unseen(cast: Cast) -> None:
        cast.dpu.tell("restart_swss", seen=False)

    live(cast, *UP, then(restart_unseen, PROGRAMMED_AGAIN, *WAITS_FOR_ACTIVATION), ACTIVATE_AGAIN)


def test_dpu_that_restarts_while_hamgrd_is_down_is_programmed_again(stage: Stage, cast: Cast) -> None:
    reset = while_hamgrd_is_down(stage, tell_dpu("power_off", "power_on"))
    live(cast, *UP, then(reset, PROGRAMMED_AGAIN, scope_is(HaState.PENDING_ACTIVE_ACTIVATION)), ACTIVATE_AGAIN)


def test_scope_without_peer_stands_alone_and_pairs_when_the_peer_comes(cast: Cast) -> None:
    live(
        cast,
        then(tell_dpu("power_on")),
        CONFIGURE,
        then(
            configure(disabled=False),
            scope_is(HaState.PENDING_STANDALONE_ACTIVATION),
            asks_approval(OperationType.ACTIVATE_ROLE),
        ),
        then(
            approve(OperationType.ACTIVATE_ROLE),
            scope_is(HaState.STANDALONE),
            row_lacks(DASH_HA_SET_STATE, HA_SET_ID, "up"),
            *probes_answered(),
        ),
        then(tell_dpu("peer_appears"), scope_is(HaState.ACTIVE), *probes_answered()),
    )


@pytest.mark.parametrize("down", [False, True], ids=["killed after the approval", "approved while down"])
def test_approval_reaches_the_dpu_once_whenever_hamgrd_dies(stage: Stage, cast: Cast, down: bool) -> None:
    approving = approve(OperationType.ACTIVATE_ROLE)

    def approve_then_kill(cast: Cast) -> None:
        approving(cast)
        cast.hamgrd.restart(20.0)

    act = while_hamgrd_is_down(stage, approving) if down else approve_then_kill
    live(
        cast,
        BOOT,
        CONFIGURE,
        ENABLE,
        then(act, scope_is(HaState.ACTIVE), requested("activate_role_requested", 1), *probes_answered()),
    )


def test_scope_may_be_configured_before_its_set(cast: Cast) -> None:
    def scope_first(cast: Cast) -> None:
        cast.controller.configure_scope(disabled=True)
        cast.controller.configure_set()

    live(cast, BOOT, then(scope_first, *CONFIGURE.expects), ENABLE, ACTIVATE, then(lambda _: None, dpu_content()))


def test_rows_written_again_change_nothing(cast: Cast) -> None:
    def repeat(cast: Cast) -> None:
        for _ in range(10):
            cast.controller.configure_set()
            cast.controller.configure_scope()

    live(cast, *UP, then(repeat, undisturbed(HaState.ACTIVE)))


def test_deletion_in_the_wrong_order_leaves_nothing(cast: Cast) -> None:
    def delete_set_first(cast: Cast) -> None:
        cast.rows.remove(DASH_HA_SET_CONFIG_TABLE, HA_SET_ID)
        cast.rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, f"{VDPU_ID}:{HA_SET_ID}")

    live(cast, *UP, then(delete_set_first, dpu_got(SCOPE_DELETED, SET_DELETED), dpu_content()), LEAVE[-1])


def test_deletion_while_hamgrd_is_down_is_noticed(stage: Stage, cast: Cast) -> None:
    gone = (
        dpu_got(SCOPE_DELETED, SET_DELETED),
        no_row(DASH_HA_SCOPE_TABLE, HA_SET_ID),
        no_row(DASH_HA_SET_TABLE, HA_SET_ID),
    )
    deleted = while_hamgrd_is_down(stage, lambda cast: cast.controller.delete())
    live(cast, *UP, then(deleted, *gone), LEAVE[-1])


def test_scope_deleted_while_active_and_configured_again_starts_anew(cast: Cast) -> None:
    def configure_enabled(cast: Cast) -> None:
        configure_disabled(cast)
        cast.controller.configure_scope(disabled=False)

    _, _, delete, _ = LEAVE
    live(cast, *UP, delete, then(configure_enabled, PROGRAMMED_AGAIN, *WAITS_FOR_ACTIVATION), ACTIVATE_AGAIN)


def test_scope_that_was_shut_down_can_be_started_again(cast: Cast) -> None:
    shut_down, disable, *_ = LEAVE
    enable = configure(disabled=False, desired_ha_state=DesiredHaState.ACTIVE)
    live(cast, *UP, shut_down, disable, then(enable, *WAITS_FOR_ACTIVATION), ACTIVATE_AGAIN)


def test_hamgrd_ends_in_order_when_it_is_asked_to(stage: Stage, cast: Cast) -> None:
    live(cast, *UP)
    assert stage.hamgrd is not None
    assert stage.hamgrd.stop() == 0
    assert "Traceback" not in stage.hamgrd.last_words()

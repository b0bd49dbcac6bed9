"""What is counted and measured of steps that pass by."""

from collections.abc import Iterable, Mapping

import pytest
from attrs import define, field
from prometheus_client import CollectorRegistry, generate_latest

from models.database import Database
from models.tables import DASH_HA_DPU_STATE, DASH_HA_SCOPE_STATE, DASH_HA_SCOPE_TABLE, DPU
from runner.inputs import Input, LinkChanged, RowSet, RowsFound, SnapshotComplete, TimerFired
from runner.metrics.steps import StepMetrics
from runner.outputs import (
    Alert,
    DeleteRow,
    Fault,
    InputRejected,
    Neighbour,
    Output,
    ReachBus,
    TransitionTaken,
    WriteRow,
)
from tests.metrics.scraping import Samples, parsed, total, value

SCOPE = "vdpu0_0:haset0_0"
PATH = f"ha-scope/{SCOPE}"
TICK = TimerFired("heartbeat")


def state_row(state: str, name: str = SCOPE, **fields: str) -> WriteRow:
    row = {"local_ha_state": f"HA_STATE_{state.upper()}", "owner": "switch", **fields}
    return WriteRow(Database.STATE_DB, DASH_HA_SCOPE_STATE.name, name.replace(":", "|"), row)


def role_row(role: str, scope_id: str = "haset0_0") -> WriteRow:
    return WriteRow(Database.DPU_APPL_DB, DASH_HA_SCOPE_TABLE.name, scope_id, {"ha_role": role})


def moved(source: str, target: str, path: str = PATH, region: str = "state") -> TransitionTaken:
    return TransitionTaken(f"{path} {region}", source, target, "because", None, "switch-driven 3", 1)


LEAVES = moved("standby", "switching_to_standalone")
WINS = moved("switching_to_standalone", "standalone")


@define
class Watched:
    """Metrics and a clock that the test moves; a step takes 10 ms to decide and 10 ms to carry out."""

    rows: Mapping[str, Iterable[tuple[str, str, Mapping[str, str]]]] = field(factory=dict)
    most_entities: int = 200
    now_s: float = 100.0
    registry: CollectorRegistry = field(factory=CollectorRegistry)
    metrics: StepMetrics = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.metrics = StepMetrics(self.registry, lambda path: self.rows.get(path, ()), self.most_entities)

    def step(self, *outputs: Output, happened: Input = TICK, after_s: float = 1.0) -> None:
        self.now_s += after_s
        self.metrics.observe(happened, outputs, self.now_s, self.now_s + 0.01, self.now_s + 0.02)

    @property
    def samples(self) -> Samples:
        return parsed(generate_latest(self.registry).decode())


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_transitions_are_counted_by_who_from_where_to_where_and_section(watched: Watched) -> None:
    watched.step(moved("dead", "connecting"), moved("dead", "connecting"), moved("connecting", "connected"))
    labels = {"entity": PATH, "region": "state", "section": "switch-driven 3"}
    assert value(watched.samples, "hamgr_transitions_total", from_="dead", to="connecting", **labels) == 2
    assert value(watched.samples, "hamgr_transitions_total", from_="connecting", to="connected", **labels) == 1


def test_rejections_alerts_and_bugs_are_counted(watched: Watched) -> None:
    rejected = InputRejected("CONFIG_DB DPU dpu0", "dpu_id", "x", "no number", "DPU")
    watched.step(rejected, happened=RowSet(Database.CONFIG_DB, DPU.name, "dpu0", {}))
    watched.step(Alert("a", "b"), Fault(PATH, ValueError()))
    watched.metrics.failed(TICK)
    assert value(watched.samples, "hamgr_rejected_inputs_total", table="DPU") == 1
    assert value(watched.samples, "hamgr_alerts_total") == 1
    assert value(watched.samples, "hamgr_bugs_total") == 2
    assert value(watched.samples, "hamgr_inputs_total", kind="TimerFired") == 2


def test_both_parts_of_a_step_are_timed(watched: Watched) -> None:
    watched.step()
    for part in ("decide", "carry_out"):
        assert value(watched.samples, "hamgr_step_duration_seconds_sum", part=part) == pytest.approx(0.01)


def test_time_in_a_state_that_was_left(watched: Watched) -> None:
    watched.step(state_row("standby"))
    watched.step(state_row("active"), after_s=5.0)
    assert total(watched.samples, "hamgr_scope_state_duration_seconds_count") == 0, "its beginning was not seen"
    watched.step(state_row("active", waiting_for="x"), after_s=2.0)
    watched.step(state_row("standalone"), after_s=2.0)
    assert value(watched.samples, "hamgr_scope_state_duration_seconds_sum", state="active") == pytest.approx(4.0)
    assert total(watched.samples, "hamgr_scope_state_duration_seconds_count") == 1


def test_role_is_timed_from_written_to_acknowledged(watched: Watched) -> None:
    watched.step(state_row("active", local_acked_asic_ha_state="standby"), role_row("active"))
    watched.step(role_row("active"), after_s=1.0)  # the same role again, only its version is new
    watched.step(state_row("active", local_acked_asic_ha_state="active"), after_s=1.0)
    watched.step(state_row("active", local_acked_asic_ha_state="active", term="2"), after_s=1.0)
    assert value(watched.samples, "hamgr_role_acknowledgement_seconds_count", role="active") == 1
    assert value(watched.samples, "hamgr_role_acknowledgement_seconds_sum", role="active") == pytest.approx(1.98)


def test_role_that_the_dpu_has_already_is_not_waited_for(watched: Watched) -> None:
    watched.step(state_row("active", local_acked_asic_ha_state="active"), role_row("active"))
    watched.step(state_row("active", local_acked_asic_ha_state="active"))
    assert total(watched.samples, "hamgr_role_acknowledgement_seconds_count") == 0


def test_role_that_another_one_has_replaced_is_not_waited_for(watched: Watched) -> None:
    watched.step(state_row("active", local_acked_asic_ha_state="standby"), role_row("switching_to_active"))
    watched.step(role_row("active"))
    watched.step(state_row("active", local_acked_asic_ha_state="active"))
    assert total(watched.samples, "hamgr_role_acknowledgement_seconds_count") == 1


def test_dpu_driven_scope_has_no_roles_to_be_timed(watched: Watched) -> None:
    watched.step(state_row("standby", owner="dpu", local_acked_asic_ha_state="standby"), role_row("active"))
    watched.step(state_row("active", owner="dpu", local_acked_asic_ha_state="active"))
    assert total(watched.samples, "hamgr_role_acknowledgement_seconds_count") == 0


def test_failover_is_timed_from_the_first_signal_to_the_role(watched: Watched) -> None:
    watched.step(state_row("standby"))
    watched.step(LEAVES, state_row("switching_to_standalone"))
    watched.step(WINS, state_row("standalone"), role_row("standalone"))
    assert value(watched.samples, "hamgr_failover_seconds_count") == 1
    assert value(watched.samples, "hamgr_failover_seconds_sum") == pytest.approx(1.02)


def test_failover_within_one_step(watched: Watched) -> None:
    watched.step(state_row("standby"))
    watched.step(LEAVES, WINS, state_row("standalone"), role_row("standalone"))
    assert value(watched.samples, "hamgr_failover_seconds_sum") == pytest.approx(0.02)


def test_who_was_not_chosen_has_not_failed_over(watched: Watched) -> None:
    watched.step(state_row("active"), LEAVES)
    watched.step(moved("switching_to_standalone", "standby"), state_row("standby"), role_row("standby"))
    watched.step(role_row("standalone"))
    assert value(watched.samples, "hamgr_failover_seconds_count") == 0


def test_side_that_outranks_its_peer_serves_alone_without_choosing(watched: Watched) -> None:
    watched.step(state_row("standby"))
    watched.step(moved("standby", "standalone"), moved("programmed", "programmed", region="relay"))
    watched.step(state_row("standalone"), role_row("standalone"))
    watched.step(role_row("standalone"))
    assert value(watched.samples, "hamgr_failover_seconds_count") == 1
    assert value(watched.samples, "hamgr_failover_seconds_sum") == pytest.approx(1.02)


def test_peers_are_those_that_are_configured(watched: Watched) -> None:
    neighbours = [Neighbour(name, 0, ("10.0.0.1",), 1) for name in ("dpu1", "dpu2")]
    watched.step(ReachBus("a.b.c", (), 1, tuple(neighbours)))
    watched.step(happened=LinkChanged("dpu1", True))
    assert watched.metrics.peers == {"dpu1": True, "dpu2": None}
    watched.step(ReachBus("a.b.c", (), 1, (neighbours[1],)))
    assert watched.metrics.peers == {"dpu2": None}


def test_scopes_that_were_there_at_start_are_known_at_once_and_those_of_other_slots_are_not() -> None:
    row = dict(state_row("active").fields)
    watched = Watched(rows={PATH: [(DASH_HA_SCOPE_STATE.name, "vdpu0_0|haset0_0", row)]})
    name = DASH_HA_SCOPE_STATE.name
    found = {(name, "vdpu0_0|haset0_0"): row, (name, "vdpu0_1|haset0_1"): row}
    watched.step(happened=RowsFound(Database.STATE_DB, found))
    watched.step(happened=SnapshotComplete())
    assert {name: scope.state for name, scope in watched.metrics.scopes.seen.items()} == {SCOPE: "active"}


def test_series_of_entities_are_bounded_and_all_is_still_counted() -> None:
    watched = Watched(most_entities=3)
    for number in range(1000):
        name = f"vdpu0_0:eni{number}"
        watched.step(moved("dead", "connecting", f"ha-scope/{name}"), state_row("connecting", name))
    assert len([key for key in watched.samples if key[0] == "hamgr_transitions_total"]) == 4
    assert total(watched.samples, "hamgr_transitions_total") == 1000
    assert (
        value(
            watched.samples,
            "hamgr_transitions_total",
            entity="other",
            region="state",
            from_="dead",
            to="connecting",
            section="switch-driven 3",
        )
        == 997
    )
    assert len(watched.metrics.scopes.seen) == 1000
    # Another kind of entity has room of its own.
    watched.step(WriteRow(Database.STATE_DB, DASH_HA_DPU_STATE.name, "dpu0", {}), moved("up", "down", "dpu/dpu0"))
    assert total(watched.samples, "hamgr_transitions_total", entity="dpu/dpu0") == 1


def test_deleted_entity_leaves_no_series_and_makes_room() -> None:
    watched = Watched(most_entities=1)
    watched.step(moved("dead", "connecting"), state_row("connecting"))
    watched.step(DeleteRow(Database.STATE_DB, DASH_HA_SCOPE_STATE.name, "vdpu0_0|haset0_0"))
    assert total(watched.samples, "hamgr_transitions_total") == 0
    assert watched.metrics.scopes.seen == {}
    watched.step(moved("dead", "connecting", "ha-scope/vdpu0_0:other"), state_row("connecting", "vdpu0_0:other"))
    assert watched.metrics.has_series("vdpu0_0:other")

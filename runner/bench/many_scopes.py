"""A pair of real hamgrd with very many ENI scopes in one HA set, as a controller would configure it.

Around the two daemons there are their Redis servers and DPUs that answer at once (``quick_dpus``); nothing else runs.

Source: issue of scale; ha-set 4.2; scenarios 0.1.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import evolve

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaScopeKind
from models import tables
from models.controller import HaScopeConfigRow, encode_ha_scope_config
from models.table import Table
from runner.demo.configuration import Ports
from runner.demo.pair import Pair
from runner.lab.sides import SET_ID

TIMERS: Mapping[str, float] = {"retry_interval": 2.0, "rejoin_delay": 0.2}
"""All others are the ordinary ones. A launch must not wait half a minute for a peer that was configured a bit later."""

UP = {"dpu_midplane_link_state": "up", "dpu_control_plane_state": "up", "dpu_data_plane_state": "up"}
DOWN = dict.fromkeys(UP, "down")
CHUNK = 512
LOOK_EVERY_S = 0.05
DEADLINE_S = 120.0


class ManyScopes(Pair):
    """The pair. ``scopes`` is how many ENIs it has."""

    def __init__(self, scopes: int) -> None:
        super().__init__(timers=TIMERS)
        self.scope_ids = [f"F4939F{number:06X}" for number in range(scopes)]

    def prepare(self) -> None:
        """Configure the HA set and the placement of all ENIs; the DPUs are up."""
        self.controller.set_row(scope=HaScopeKind.ENI)
        for name in self.pair:
            for recorder in self[name].recorders:
                recorder.close()
            for server in (self[name].host, self[name].dpu_server):
                with server.client() as client:
                    client.config_set("appendonly", "no")
            other = self.peer_of(name)
            port = {"swbus_port": str(self[other].ports.bus)}
            self[name].rows.write(tables.REMOTE_DPU, self.sides[other].dpu_name, port)
            self[name].rows.write(tables.DPU_STATE, "DPU0", UP)
            self._write(name, self.controller.set_row())
            placements = {eni: {"version": "1", "eni_mac": eni, "ha_set_id": SET_ID} for eni in self.scope_ids}
            self.write_many(name, tables.DASH_ENI_PLACEMENT_TABLE, placements)

    def launch(self) -> float:
        """Configure all scopes and approve what they ask for until every pair has formed; how long that took."""
        began = time.monotonic()
        for name in self.pair:
            self.write_scopes(name)
        while not self.all_at("active", "standby"):
            self._check(began, "launch")
            for name in self.pair:
                self.approve_all(name)
            time.sleep(LOOK_EVERY_S)
        return time.monotonic() - began

    def write_scopes(self, name: str, **changes: Any) -> None:
        """Write the configuration of every scope of a side."""
        rows = {self.key(name, eni): self._scope_row(name, **changes) for eni in self.scope_ids}
        self.write_many(name, tables.DASH_HA_SCOPE_CONFIG_TABLE, rows)

    def approve_all(self, name: str) -> None:
        """Approve whatever any scope of a side asks for."""
        rows = {}
        for eni, state in self.states(name, "pending_operation_ids").items():
            if state:
                ids = tuple(state.split(","))
                rows[self.key(name, eni)] = self._scope_row(name, approved_pending_operation_ids=ids)
        self.write_many(name, tables.DASH_HA_SCOPE_CONFIG_TABLE, rows)

    def all_at(self, *where: str) -> bool:
        """Every scope of each side is in the state that stands in the place of its side."""
        return all(
            set(self.states(name, "local_ha_state").values()) == {f"HA_STATE_{state.upper()}"}
            and set(self.states(name, "local_acked_asic_ha_state").values()) == {state}
            for name, state in zip(self.pair, where, strict=True)
        )

    def states(self, name: str, field_name: str) -> dict[str, str]:
        """A field of the state rows of a side, by ENI; empty where there is none."""
        table, vdpu_id = tables.DASH_HA_SCOPE_STATE, self.sides[name].vdpu_id
        found: dict[str, str] = {}
        with self[name].rows.client(table.database).pipeline(transaction=False) as pipeline:
            for eni in self.scope_ids:
                pipeline.hget(f"{table.name}|{vdpu_id}|{eni}", field_name)
            answers = pipeline.execute()
        for eni, answer in zip(self.scope_ids, answers, strict=True):
            found[eni] = answer.decode() if answer else ""
        return found

    def key(self, name: str, eni: str) -> str:
        """The key of the configuration of a scope."""
        return f"{self.sides[name].vdpu_id}:{eni}"

    def fail(self) -> None:
        """The DPU of the first side dies: its platform reports it, and the other DPU loses the channel."""
        first, second = self.pair
        self[first].rows.write(tables.DPU_STATE, "DPU0", DOWN)
        self[second].rows.write(tables.DASH_HA_SET_STATE_TABLE, SET_ID, {"dp_channel_is_alive": "down"})

    def write_many(self, name: str, table: Table[Any], rows: Mapping[str, Mapping[Any, Any]]) -> None:
        """Write rows in pipelines, as a controller that is in a hurry."""
        names = [(self[name].rows._name(table, key), fields) for key, fields in rows.items()]
        client = self[name].rows.client(table.database)
        for start in range(0, len(names), CHUNK):
            with client.pipeline(transaction=False) as pipeline:
                for redis_key, fields in names[start : start + CHUNK]:
                    pipeline.hset(redis_key, mapping=dict(fields))
                pipeline.execute()

    def _scope_row(self, name: str, **changes: Any) -> dict[str, bytes]:
        first = name == self.pair[0]
        row = HaScopeConfigRow(
            version="1",
            disabled=False,
            owner=HaOwner.SWITCH,
            ha_set_id=SET_ID,
            desired_ha_state=DesiredHaState.ACTIVE if first else DesiredHaState.UNSPECIFIED,
        )
        return {"pb": encode_ha_scope_config(evolve(row, **changes))}

    def _check(self, began: float, what: str) -> None:
        if time.monotonic() - began > DEADLINE_S:
            states = {name: sorted(set(self.states(name, "local_ha_state").values())) for name in self.pair}
            waits = {name: sorted(set(self.states(name, "waiting_for").values()))[:5] for name in self.pair}
            count = len(self.scope_ids)
            raise TimeoutError(f"{what} of {count} scopes took more than {DEADLINE_S} s: {states} {waits}")

    def _start_dpus(self, ports: Mapping[str, Ports]) -> subprocess.Popen[bytes]:
        file = self._describe_dpus(ports)
        command = [sys.executable, "-m", "runner.bench.quick_dpus", str(file)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)


@contextmanager
def many_scopes(scopes: int) -> Iterator[ManyScopes]:
    """A healthy pair of so many scopes: all Active on the first side and Standby on the second."""
    with ManyScopes(scopes) as pair:
        pair.prepare()
        pair.launch()
        yield pair

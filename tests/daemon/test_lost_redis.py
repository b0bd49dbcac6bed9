"""A Redis server that dies and comes back, with its data or without, while hamgrd runs (C22, LD-55, I-17).

Each server holds several databases; hamgrd follows each of them by itself, so a lost server is one line for each.
"""

import socket
import time
from collections.abc import Callable, Sequence

import pytest

from hamgr_fsm.vocabulary import OperationType
from models.database import Database
from models.tables import (
    BFD_SESSION_TABLE,
    DASH_HA_DPU_STATE,
    DASH_HA_SCOPE_CONFIG_TABLE,
    DASH_HA_SCOPE_STATE,
    DASH_HA_SCOPE_TABLE,
    DASH_HA_SET_CONFIG_TABLE,
    DASH_HA_SET_STATE,
    DASH_HA_SET_TABLE,
    DPU_STATE,
)
from runner.private_redis import PrivateRedis
from tests.daemon.controller import HA_SET_ID
from tests.daemon.daemon import DEADLINE_S, until
from tests.daemon.expected_rows import SERVING
from tests.daemon.switch import SCOPE_KEY, SCOPE_ROW, Switch

TRIES, LEAST_S = 6, 0.15
"""So many tries for each database take about 1.5 s; that chance makes them shorter than this is one in ten thousand."""

HOST = ("APPL_DB", "CHASSIS_STATE_DB", "CONFIG_DB", "STATE_DB")
DPU = ("DPU_APPL_DB", "DPU_STATE_DB")

Server = Callable[[Switch], tuple[PrivateRedis, tuple[str, ...]]]


def host(switch: Switch) -> tuple[PrivateRedis, tuple[str, ...]]:
    return switch.host, HOST


def dpu(switch: Switch) -> tuple[PrivateRedis, tuple[str, ...]]:
    return switch.dpu_server, DPU


def kill(switch: Switch, server: Server) -> int:
    """Kill a server and wait until that is noticed; gives the place in the log before."""
    mark = switch.hamgrd.mark()
    killed, databases = server(switch)
    killed.stop(kill=True)
    until(lambda: said_once(switch, "database_lost", mark, databases), switch.hamgrd.last_words)
    return mark


def come_back(switch: Switch, server: Server, mark: int) -> None:
    """Start the server again and wait until hamgrd has everything from it."""
    started, databases = server(switch)
    started.start()
    wait_until_regained(switch, mark, databases)
    switch.record()
    switch.barrier()
    # Neither is said twice, however often it had to try.
    assert said_once(switch, "database_lost", mark, databases)
    assert said_once(switch, "database_regained", mark, databases)


def wait_until_regained(switch: Switch, mark: int, databases: Sequence[str]) -> None:
    until(lambda: said_once(switch, "database_regained", mark, databases), switch.hamgrd.last_words)


def said_once(switch: Switch, message: str, mark: int, databases: Sequence[str]) -> bool:
    said = [entry["database"] for entry in switch.hamgrd.entries(mark, message=message)]
    return sorted(database for database in said if database in databases) == sorted(databases)


def save(server: PrivateRedis) -> None:
    with server.client() as client:
        client.save()


@pytest.mark.parametrize("server", [host, dpu])
def test_c22_server_that_comes_back_with_its_data_changes_nothing(serving: Switch, server: Server) -> None:
    rows, mark = serving.ha_rows(), len(serving.dpu.received)
    save(server(serving)[0])
    come_back(serving, server, kill(serving, server))
    assert serving.ha_rows() == rows
    assert serving.changes() == [], "nothing had to be written"
    serving.wait_for_the_wire()
    assert serving.dpu.told(mark) == ["+DASH_HA_SCOPE_TABLE"], "the DPU was told nothing but the new version"
    assert serving.state["local_ha_state"] == "active"


def test_c22_host_that_comes_back_empty_is_served_once_it_is_configured_again(serving: Switch) -> None:
    mark = len(serving.dpu.received)
    come_back(serving, host, kill(serving, host))
    until(lambda: not serving.ha_rows(), serving.ha_rows)
    # In which order its databases are read again is chance; the scope goes before its set in any case.
    taken = ["-BFD_SESSION_TABLE", "-BFD_SESSION_TABLE", "-DASH_HA_SCOPE_TABLE", "-DASH_HA_SET_TABLE"]
    until(lambda: sorted(serving.dpu.told(mark)) == taken, lambda: serving.dpu.told(mark))
    assert not serving.dpu.dpu.orchagent.ha_sets
    assert not serving.dpu.dpu.orchagent.scopes
    assert serving.dpu.dpu.refused == []
    # The platform's daemon says again what it had said to the lost server.
    serving.dpu.do(lambda dpu, _: dpu.planes.clear())
    serving.planned_up()
    assert serving.ha_rows(passing=False) == SERVING
    assert serving.dpu.dpu.refused == []


def test_c22_databases_of_a_dpu_that_come_back_empty_are_filled_again_in_order(bare_switch: Switch) -> None:
    """The server of a DPU is lost with everything that was said on it: the DPU starts anew, and so does its scope."""
    serving = bare_switch
    serving.hamgrd.command += ["--audit-interval", "0.5"]
    serving.hamgrd.start()
    serving.planned_up()
    mark, old = len(serving.dpu.received), serving.controller.approved[-1]
    lost = kill(serving, dpu)
    serving.dpu_server.start()
    serving.dpu.restart_swss(seen=False)
    wait_until_regained(serving, lost, DPU)
    serving.record()
    assert serving.wait_until_asked(OperationType.ACTIVATE_ROLE) != old
    serving.serve()
    # The DPU empties its databases whenever it is ready: what was written before is there again after an audit.
    until(lambda: serving.ha_rows(passing=False) == SERVING, serving.ha_rows)
    told = serving.dpu.told(mark)
    assert told.index("+DASH_HA_SET_TABLE") < told.index("+DASH_HA_SCOPE_TABLE")
    assert serving.dpu.dpu.refused == []
    assert serving.dpu.requests("activate_role_requested") == 2


@pytest.mark.parametrize("server", [host, dpu])
def test_fl05_rows_deleted_while_the_subscription_was_broken_are_noticed(serving: Switch, server: Server) -> None:
    """hamgrd stands still while its server is replaced: no notification of the deletions can reach it."""
    restarted, databases = server(serving)
    save(restarted)
    mark = serving.hamgrd.mark()
    serving.hamgrd.pause()
    restarted.stop(kill=True)
    restarted.start()
    if server is host:
        serving.controller.delete()
    else:
        serving.rows.client(Database.DPU_STATE_DB).delete(f"DASH_HA_SCOPE_STATE_TABLE|{HA_SET_ID}")
    serving.hamgrd.resume()
    wait_until_regained(serving, mark, databases)
    if server is host:
        serving.wait_until_gone(DASH_HA_SET_STATE, HA_SET_ID)
        serving.wait_until_gone(DASH_HA_SET_TABLE, HA_SET_ID)
        serving.wait_until_gone(DASH_HA_SCOPE_STATE, SCOPE_ROW)
    else:
        until(lambda: "local_ha_state" not in serving.state, lambda: serving.state)
        until(lambda: not serving.rows.keys(BFD_SESSION_TABLE), serving.ha_rows)
    serving.record()


@pytest.mark.parametrize("server", [host, dpu])
def test_own_rows_that_vanished_with_the_server_are_written_again(serving: Switch, server: Server) -> None:
    rows = serving.ha_rows()
    for table, key in ((DASH_HA_SCOPE_STATE, SCOPE_ROW), (DASH_HA_SET_TABLE, HA_SET_ID)):
        serving.rows.remove(table, key)
    save(server(serving)[0])
    come_back(serving, server, kill(serving, server))
    table, key = (DASH_HA_SCOPE_STATE, SCOPE_ROW) if server is host else (DASH_HA_SET_TABLE, HA_SET_ID)
    assert serving.rows.row(table, key) == rows[table.name, key]


def test_what_happens_at_the_dpu_while_the_host_is_lost_is_shown_afterwards(serving: Switch) -> None:
    """LD-55: losing one server is no reason to stop following the other."""
    save(serving.host)
    mark, heard = kill(serving, host), serving.hamgrd.mark()
    serving.dpu.do(lambda dpu, _: dpu.peer_lost())
    for _ in range(2):
        serving.dpu.advance()
    serving.hamgrd.wait_for_line(heard, message="transition", to="standalone")
    come_back(serving, host, mark)
    until(lambda: serving.state["local_ha_state"] == "standalone", lambda: serving.state)
    assert set(serving.controller.pending()) == {OperationType.FLOW_RECONCILE}


def test_ld55_every_database_is_followed_after_its_server_was_lost(serving: Switch) -> None:
    for server in (host, dpu):
        save(server(serving)[0])
        come_back(serving, server, kill(serving, server))
    rows = serving.rows
    rows.write(DPU_STATE, "DPU0", {"dpu_data_plane_state": "unknown"})
    serving.wait_for_row(DASH_HA_DPU_STATE, "dpu0_0", dpu_data_plane_state="unknown")
    rows.remove(DASH_HA_SCOPE_CONFIG_TABLE, SCOPE_KEY)
    rows.remove(DASH_HA_SET_CONFIG_TABLE, HA_SET_ID)
    serving.wait_until_gone(DASH_HA_SCOPE_TABLE, HA_SET_ID)
    serving.deconfigure()
    until(lambda: not serving.ha_rows(), serving.ha_rows)


def test_both_servers_lost_several_times_end_where_they_were(serving: Switch) -> None:
    rows = serving.ha_rows()
    save(serving.host)
    save(serving.dpu_server)
    for _ in range(3):
        marks = [(kill(serving, server), server) for server in (host, dpu)]
        for mark, lost in marks:
            started, databases = lost(serving)
            started.start()
            wait_until_regained(serving, mark, databases)
    serving.record()
    serving.barrier()
    assert serving.ha_rows() == rows


def test_lost_server_is_tried_again_with_growing_delays(serving: Switch) -> None:
    """Whoever listens there instead closes every connection: in a busy loop all tries were over at once."""
    save(serving.dpu_server)
    mark = kill(serving, dpu)
    path = serving.dpu_server.socket_path
    path.unlink()
    with socket.socket(socket.AF_UNIX) as closed_door:
        closed_door.bind(str(path))
        closed_door.listen()
        closed_door.settimeout(DEADLINE_S)
        began = time.monotonic()
        for _ in range(TRIES * len(DPU)):
            closed_door.accept()[0].close()
        took_s = time.monotonic() - began
    path.unlink()
    come_back(serving, dpu, mark)
    assert took_s > LEAST_S
    assert serving.state["local_ha_state"] == "active"

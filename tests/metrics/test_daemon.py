"""The metrics of real daemons, asked over HTTP: while they serve, fail over, lose Redis and start again."""

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hamgr_fsm.vocabulary import HaOwner
from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE
from runner.demo.pair import Pair
from runner.metrics.declaration import METRICS, Kind
from tests.daemon.switch import SCOPE_KEY, Switch
from tests.metrics.scraping import LISTEN_ANYWHERE, parsed, scrape, total, until_scraped, value


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Switch]:
    with Switch(tmp_path, options=LISTEN_ANYWHERE) as switch:
        switch.hamgrd.start()
        switch.planned_up()
        yield switch
        assert switch.hamgrd.complaints() == []


def test_what_serves_is_seen(serving: Switch) -> None:
    samples = until_scraped(serving.hamgrd, lambda s: value(s, "hamgr_scopes", state="active") == 1)
    assert value(samples, "hamgr_scope_state", scope=SCOPE_KEY, state="active") == 1
    assert value(samples, "hamgr_scope_state", scope=SCOPE_KEY, state="standby") == 0
    assert total(samples, "hamgr_scope_state") == 1
    assert value(samples, "hamgr_scope_waiting", scope=SCOPE_KEY) == 0
    since_s = int(serving.state["local_ha_state_last_updated_time_in_ms"]) / 1000
    assert value(samples, "hamgr_scope_state_since_timestamp_seconds", scope=SCOPE_KEY) == since_s
    assert total(samples, "hamgr_transitions_total", entity=f"ha-scope/{SCOPE_KEY}") > 0
    assert all(value(samples, "hamgr_database_available", database=name) == 1 for name in ("CONFIG_DB", "DPU_APPL_DB"))
    assert value(samples, "hamgr_orchagent_connected") == 1
    assert value(samples, "hamgr_bugs_total") == 0
    assert value(samples, "hamgr_info", version="0.1.0", slot="0") == 1
    # What has come meanwhile is handled in one step.
    assert 0 < total(samples, "hamgr_step_duration_seconds_count", part="decide") < total(samples, "hamgr_inputs_total")


def test_every_declared_metric_is_there_with_its_kind_and_meaning_and_no_other(serving: Switch) -> None:
    text = scrape(serving.hamgrd, "application/openmetrics-text; version=1.0.0")
    served = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    ours = {name: family for name, family in served.items() if name.startswith("hamgr_")}
    for metric in METRICS:
        family = ours.pop(metric.name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.name)
        assert (family.type, family.documentation) == (metric.kind, metric.meaning)
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == set(metric.labels)
    assert ours == {}
    assert "process_cpu_seconds" in served
    assert "_created" not in text


def test_rejected_rows_are_counted_by_table(serving: Switch) -> None:
    serving.barrier(Database.CONFIG_DB)
    samples = parsed(scrape(serving.hamgrd))
    assert value(samples, "hamgr_rejected_inputs_total", table="VDPU") == 1


def test_restarted_daemon_knows_its_scopes_at_once(serving: Switch) -> None:
    marks = serving.marks()
    serving.hamgrd.restart()
    samples = parsed(scrape(serving.hamgrd))
    assert not serving.changes(marks, DASH_HA_SCOPE_STATE), "nothing was written that could have been seen"
    assert value(samples, "hamgr_scope_state", scope=SCOPE_KEY, state="active") == 1


def test_lost_redis_is_seen_and_so_is_its_return(serving: Switch) -> None:
    serving.dpu_server.stop()
    samples = until_scraped(serving.hamgrd, lambda s: value(s, "hamgr_database_available", database="DPU_APPL_DB") == 0)
    assert value(samples, "hamgr_database_available", database="STATE_DB") == 1
    serving.dpu_server.start()
    samples = until_scraped(serving.hamgrd, lambda s: value(s, "hamgr_database_available", database="DPU_APPL_DB") == 1)
    until_scraped(serving.hamgrd, lambda s: value(s, "hamgr_database_connections_total", database="DPU_APPL_DB") == 2)
    assert value(samples, "hamgr_database_connections_total", database="STATE_DB") == 1


def test_deleted_scope_leaves_no_series(serving: Switch) -> None:
    serving.controller.delete()
    serving.wait_until_gone(DASH_HA_SCOPE_STATE, SCOPE_KEY.replace(":", "|"))
    # An answer is put together while the daemon goes on: its parts may be of different moments.
    until_scraped(
        serving.hamgrd,
        lambda s: total(s, "hamgr_scopes") + total(s, "hamgr_transitions_total", entity=f"ha-scope/{SCOPE_KEY}") == 0,
    )


def test_only_looking_is_possible(serving: Switch) -> None:
    until_scraped(serving.hamgrd, lambda _: True)
    address = serving.hamgrd.entries(message="metrics_served")[-1]["address"]
    for path, method, code in (("/metrics", "POST", 405), ("/elsewhere", "GET", 404)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", method=method), timeout=20)
        assert refused.value.code == code


def test_address_that_is_taken_is_said_and_had_later(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Switch(tmp_path, options=("--metrics-listen", f"127.0.0.1:{port}")) as switch:
            switch.hamgrd.start()
            switch.hamgrd.wait_for_line(message="metrics_not_served", address=f"127.0.0.1:{port}")
            taken.close()
            assert value(parsed(scrape(switch.hamgrd)), "hamgr_bugs_total") == 0
            assert switch.hamgrd.stop() == 0


def test_daemon_that_is_being_asked_stops_in_order(serving: Switch) -> None:
    until_scraped(serving.hamgrd, lambda _: True)
    host, _, port = serving.hamgrd.entries(message="metrics_served")[-1]["address"].rpartition(":")
    with socket.create_connection((host, int(port))) as half_a_question:
        half_a_question.sendall(b"GET /metrics HT")
        assert serving.hamgrd.stop() == 0


@pytest.mark.parametrize("address", ["localhost:1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"])
def test_address_that_is_none_is_one_clear_line(address: str) -> None:
    command = [sys.executable, "-c", "from runner.command_line.hamgrd import main; main()"]
    arguments = ["--slot-id", "0", "--metrics-listen", address]
    ended = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"--metrics-listen {address}" in ended.stderr


def test_pair_that_fails_over_is_timed_and_its_links_are_seen() -> None:
    with Pair(HaOwner.SWITCH, options=LISTEN_ANYWHERE) as pair:
        pair.p()
        for name, other, role in (("A", "B", "active"), ("B", "A", "standby")):
            samples = until_scraped(
                pair[name].hamgrd, lambda s: total(s, "hamgr_bus_messages_total", fate="acknowledged") > 0
            )
            assert value(samples, "hamgr_bus_peer_reachable", dpu=pair.sides[other].dpu_name) == 1
            assert value(samples, "hamgr_bus_peers") == 1
            assert total(samples, "hamgr_bus_links") >= 1
            assert total(samples, "hamgr_role_acknowledgement_seconds_count", role=role) >= 1
        pair.off("A")
        samples = until_scraped(pair["B"].hamgrd, lambda s: value(s, "hamgr_failover_seconds_count") == 1)
        assert 0 < total(samples, "hamgr_failover_seconds_sum") < 30
        pair["A"].hamgrd.kill()
        until_scraped(pair["B"].hamgrd, lambda s: total(s, "hamgr_bus_peer_reachable") == 0)
        assert pair["B"].hamgrd.complaints() == []

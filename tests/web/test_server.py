"""The server of the page: what it answers to whom, and that nothing can be done by it."""

import json
import signal
import socket
import urllib.error
import urllib.request
from http.client import HTTPResponse
from pathlib import Path

import pytest
from typer.testing import CliRunner

from runner.command_line.hamgr import app
from runner.web.server import HEADERS
from tests.demo.conftest import Switch
from tests.web.serving import DEADLINE_S, Page, page, write_scope

ROOT = Path(__file__).parents[2]
ROUTES = ("", "page.css", "page.js", "machines.json", "view.json", "events", "pictures/switch-driven-scope.svg")


def ask(url: str, method: str = "GET", **headers: str) -> HTTPResponse:
    answer = urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=DEADLINE_S)
    assert isinstance(answer, HTTPResponse)
    return answer


def refusal(url: str, method: str = "GET", **headers: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(url, method, **headers)
    assert HEADERS.items() <= dict(refused.value.headers).items()
    return refused.value.code


def test_every_answer_is_strict(shown: Page) -> None:
    for route in ROUTES:
        with ask(shown.url + route) as answer:
            assert HEADERS.items() <= dict(answer.headers).items()
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_nothing_can_be_done(shown: Page) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert {refusal(shown.url + route, method) for route in ROUTES} == {405}


def test_only_what_is_meant_to_be_served_is(shown: Page) -> None:
    for route in ("../pyproject.toml", "pictures/../page.js", "pictures/%2e%2e/server.py", "server.py"):
        assert refusal(shown.url + route) == 404


def test_only_who_calls_it_by_its_address_is_answered(shown: Page) -> None:
    assert refusal(shown.url + "view.json", Host="rebound.example:80") == 421
    assert refusal(shown.url + "view.json", Host="127.0.0.1.example") == 421
    for host in ("localhost:1", "127.0.0.1", "[::1]:8377"):
        with ask(shown.url + "view.json", Host=host) as answer:
            assert answer.status == 200


def test_events_bring_the_view_and_then_every_new_one(switch: Switch, shown: Page) -> None:
    with ask(shown.url + "events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        states: list[str] = []
        while "standby" not in states:
            line = stream.readline().decode()
            if line.startswith("data: "):
                states += [side["state"] for side in json.loads(line.removeprefix("data: "))["sides"]]
                if states == ["active"]:
                    write_scope(switch, local_ha_state="HA_STATE_STANDBY")
    assert states[0] == "active"


def test_of_many_scopes_one_is_told_in_full(switch: Switch, shown: Page) -> None:
    for number in range(510):
        write_scope(switch, f"vdpu0_0|eni{number:04}")
    while len((view := shown.view("?scope=eni0400"))["scopes"]) < 500 or view["unlisted"] < 11:
        pass
    assert view["scope"] == "eni0400"
    assert [side["scope_id"] for side in view["sides"]] == ["eni0400"]
    assert {change["name"] for change in view["changes"]} == {"vdpu0_0:eni0400"}
    assert shown.view("?scope=nobody")["scope"] == "eni0000"


def test_ends_in_order_while_a_browser_looks(shown: Page) -> None:
    with ask(shown.url + "events") as stream:
        stream.readline()
        assert shown.end(signal.SIGINT) == 0


def test_address_that_is_taken_is_one_clear_line(switch: Switch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(app, ["web", "--listen", f"127.0.0.1:{port}", *switch.options])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert f"cannot listen at 127.0.0.1:{port}" in line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--db-config", "/nowhere.json"], "/nowhere.json"),
        (["--listen", "localhost:80"], "--listen localhost:80"),
        (["--db-config", "a", "--db-config", "b", "--name", "one"], "2 --db-config and 1 --name"),
        (["--db-config", "a", "--db-config", "b", "--name", "one", "--name", "one"], "the same --name"),
    ],
)
def test_misuse_is_one_clear_line(options: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["web", *options])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line


def test_metrics_of_an_unknown_switch_are_misuse(switch: Switch) -> None:
    result = CliRunner().invoke(app, ["web", *switch.options, "--name", "left", "--metrics", "right=127.0.0.1:1"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "there is left" in result.stderr


def test_who_answers_no_metrics_is_said(switch: Switch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    with page(*switch.options, "--metrics", address) as served:
        while not (counters := served.view()["counters"]):
            pass
    assert "no answer" in counters[0]["lost"]


def test_pictures_are_those_of_the_machines() -> None:
    for path in (ROOT / "runner" / "web" / "pictures").glob("*.svg"):
        assert path.read_bytes() == (ROOT / "diagrams" / path.name).read_bytes(), "run make diagrams"


def test_no_asset_names_another_place() -> None:
    for path in (ROOT / "runner" / "web" / "assets").iterdir():
        text = path.read_text(encoding="utf-8").replace('"http://www.w3.org/2000/svg"', "").replace("^http:", "")
        assert "http:" not in text, path.name
        assert "https:" not in text, path.name

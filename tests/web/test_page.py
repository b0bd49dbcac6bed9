"""The page in a real browser: it is live, shows both sides in the picture, and says what it cannot see."""

from pathlib import Path

from hamgr_fsm.vocabulary import HaOwner
from runner.demo.configuration import open_switch, write_database_files
from runner.demo.pair import Pair
from runner.private_redis import PrivateRedis, free_port
from tests.demo.conftest import Switch
from tests.metrics.scraping import LISTEN_ANYWHERE
from tests.web.browser import Browser
from tests.web.serving import Page, page, write_scope

LIT = "document.getElementById({!r})?.classList.contains('here')"


def test_state_is_shown_lit_and_followed(browser: Browser, switch: Switch, shown: Page) -> None:
    browser.open(shown.url)
    browser.until_text("#pair .state", "active")
    browser.until(LIT.format("state.active"))
    browser.until(LIT.format("relay.programmed"))
    browser.until_text("#ways", "switchover request")
    write_scope(
        switch,
        local_ha_state="HA_STATE_STANDALONE",
        local_ha_state_last_updated_time_in_ms="1795000001000",
        local_ha_state_last_updated_reason="peer lost",
    )
    browser.until(LIT.format("state.standalone"))
    assert not browser.ask(LIT.format("state.active"))
    browser.until_text("#changes", "peer lost")
    assert browser.ask("document.title") == "standalone - hamgr"


def test_what_it_waits_for_and_what_needs_approval(browser: Browser, switch: Switch, shown: Page) -> None:
    browser.open(shown.url)
    browser.until_text("#pair", "active")
    assert browser.ask("document.getElementById('operations').hidden")
    write_scope(
        switch,
        local_ha_state="HA_STATE_PENDING_ACTIVE_ACTIVATION",
        waiting_for="approval of activate_role 7c5e",
        pending_operation_ids="7c5e",
        pending_operation_types="activate_role",
    )
    browser.until_text("#operations", "7c5e")
    browser.until_text("#pair", "waits for approval of activate_role 7c5e")


def test_what_a_switch_publishes_is_never_run(browser: Browser, switch: Switch, shown: Page) -> None:
    evil = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"
    write_scope(switch, local_ha_state_last_updated_reason=evil, waiting_for=evil, rejected=evil)
    write_scope(switch, f"vdpu0_0|{evil}", local_ha_state=evil)
    browser.open(shown.url)
    browser.until_text("#pair", "<img src=x")
    browser.until_text("#scopes", "<script>")
    assert browser.ask("document.querySelectorAll('#pair img, main script').length") == 0
    assert browser.ask("document.title") != "run"


def test_redis_that_goes_is_said_and_what_was_seen_stays(browser: Browser, switch: Switch, tmp_path: Path) -> None:
    write_scope(switch)
    other = tmp_path / "other"
    other.mkdir()
    with PrivateRedis(port=free_port(), persistent=True) as server:
        files = write_database_files(other, server, server)
        second = Switch(*files, open_switch(*files))
        write_scope(second, "vdpu1_0|haset0_0", local_ha_state="HA_STATE_STANDBY")
        with page(*switch.options, *second.options, "--name", "left", "--name", "right") as served:
            browser.open(served.url)
            browser.until_text("#pair .side1 .state", "standby")
            browser.until(
                "document.querySelectorAll('.badge').length === 3 || document.querySelectorAll('.badge').length === 4"
            )
            second.rows.close()
            server.stop()
            browser.until_text("#switches", "no answer from Redis")
            browser.until_text("#pair .side1", "this is what was seen last")
            browser.until_text("#pair .side1 .state", "standby")
            server.start()
            browser.until("!document.querySelector('#switches').innerText.includes('no answer')")


def test_server_that_goes_is_said(browser: Browser, shown: Page) -> None:
    browser.open(shown.url)
    browser.until_text("#live", "live")
    shown.end()
    browser.until_text("#live", "not connected since")
    # The browser itself complains that nobody answers.
    browser.errors.clear()


def test_dark_and_narrow(browser: Browser, shown: Page) -> None:
    browser.look(400, 800, dark=True)
    browser.open(shown.url)
    browser.until(LIT.format("state.active"))
    assert any("switch-driven-scope-dark.svg" in url for url in browser.requests)
    assert browser.ask("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    browser.look(400, 800)
    browser.until("getComputedStyle(document.body).backgroundColor === 'rgb(246, 248, 250)'")
    browser.until(LIT.format("state.active"))


def test_every_size_and_span_can_be_chosen(browser: Browser, shown: Page) -> None:
    browser.open(shown.url)
    browser.until(LIT.format("state.active"))
    boxes = []
    for size in ("near", "whole", "large"):
        browser.press("#machine button", size)
        browser.until(f"document.querySelector('#machine [aria-pressed=true]').innerText === '{size}'")
        picture = "document.querySelector('.frame svg')"
        boxes.append(browser.ask(f"{picture}.clientWidth + {picture}.getAttribute('viewBox')"))
    assert len(set(boxes)) == 3


def test_scopes_can_be_chosen(browser: Browser, switch: Switch, shown: Page) -> None:
    write_scope(switch, "vdpu0_0|other", local_ha_state="HA_STATE_DEAD")
    browser.open(shown.url)
    browser.until_text("#scopes", "other")
    browser.until_text("#pair .state", "active")
    browser.press("#scopes button", "other")
    browser.until_text("#pair .state", "dead")
    browser.open("about:blank")
    browser.open(f"{shown.url}#other")
    browser.until_text("#pair .state", "dead")


def test_nothing_published_is_said(browser: Browser, switch: Switch) -> None:
    with page(*switch.options) as served:
        browser.open(served.url)
        browser.until_text("#pair", "No HA scope is published")


def test_pair_that_switches_over_is_watched_with_its_counters(browser: Browser) -> None:
    with Pair(HaOwner.SWITCH, options=LISTEN_ANYWHERE) as pair:
        options = []
        for name, switch in pair.switches.items():
            main_file, global_file = switch.files
            address = switch.hamgrd.entries(message="metrics_served")[-1]["address"]
            options += ["--db-config", str(main_file), "--global-db-config", str(global_file), "--name", name]
            options += ["--metrics", f"{name}={address}"]
        with page(*options) as served:
            browser.open(served.url)
            browser.until_text("#pair", "No HA scope is published")
            pair.p()
            browser.until_text("#pair .side0 .state", "active")
            browser.until_text("#pair .side1 .state", "standby")
            pair.switch_over("B")
            browser.until_text("#pair .side1 .state", "active")
            browser.until(LIT.format("state.standby"))
            browser.until("document.querySelectorAll('#timeline .piece').length >= 4")
            browser.until_text("#counters", "messages sent")
            pair.chan(False)
            browser.until_text("#pair .between", "down")


def test_dpu_driven_pair(browser: Browser, switch: Switch, shown: Page) -> None:
    write_scope(switch, local_ha_state="active", owner="dpu", relay_state="enabled", probe_state="responding")
    browser.open(shown.url)
    for state in ("dpu.active", "relay.enabled", "probe.responding"):
        browser.until(LIT.format(state))
    write_scope(switch, owner="dpu", local_ha_state="standby", local_target_asic_ha_state="unspecified")
    browser.until_text("#pair .state", "standby")
    assert "unspecified" not in browser.ask("document.querySelector('#pair .dpu').innerText")

"""What is seen of published rows, and what counts as a change from one look to the next."""

from io import StringIO

from rich.console import Console

from hamgr_fsm.vocabulary import HaOwner, OperationType
from models.database import Database
from models.tables import DASH_HA_SCOPE_STATE, DASH_HA_SET_STATE
from runner.lab.lab import Lab
from runner.lab.world import EPOCH_MS
from runner.watch.frame import STALE_MS, change_line, frame
from runner.watch.sight import Change, Look, Row, Sight, sides

NOW_MS = 1_718_032_600_000


def row(state: str, **fields: str) -> Row:
    return {"local_ha_state": state, "local_ha_state_last_updated_time_in_ms": str(NOW_MS - 5_000), **fields}


def look(*rows: tuple[str, Row], switch: str = "one", sets: dict[str, Row] | None = None) -> Look:
    return Look(switch, dict(rows), sets or {})


def of_lab(lab: Lab) -> list[Look]:
    """Both switches of the lab as they publish themselves."""
    looks = []
    for name in "AB":
        rows = lab[name].store.databases[Database.STATE_DB]
        tables = {
            table: {
                key: {field: value.decode() for field, value in fields.items()}
                for (of, key), fields in rows.items()
                if of == table
            }
            for table in (DASH_HA_SCOPE_STATE.name, DASH_HA_SET_STATE.name)
        }
        looks.append(Look(name, tables[DASH_HA_SCOPE_STATE.name], tables[DASH_HA_SET_STATE.name]))
    return looks


def shown(sight: Sight, now_ms: int = NOW_MS, width: int = 200, height: int | None = None) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(frame(sight, now_ms, width, height))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_side_is_read_in_either_spelling_of_its_state() -> None:
    found = [side.state for side in sides(look(("v|a", row("HA_STATE_ACTIVE")), ("v|b", row("standby"))))]
    assert found == ["active", "standby"]


def test_everything_published_of_a_pair_is_seen() -> None:
    lab = Lab(owner=HaOwner.SWITCH)
    lab.p()
    sight = Sight()
    sight.look(of_lab(lab))
    active, standby = sight.sides
    assert (active.state, active.asked, active.acked, active.term) == ("active", "active", "active", "1")
    assert (standby.state, standby.peer_state, standby.peer_term) == ("standby", "active", "1")
    assert active.planes == ("up", "up", "up")
    assert active.channel == "up"
    assert active.bfd == 2


def test_a_pending_operation_is_shown_with_its_id() -> None:
    lab = Lab(owner=HaOwner.SWITCH)
    lab.p()
    lab.scope("A", desired="unspecified")
    lab.scope("B", desired="active")
    lab.until(lambda: bool(lab["B"].pending), 60)
    sight = Sight()
    sight.look(of_lab(lab))
    ((operation_id, kind),) = lab["B"].pending.items()
    assert kind == OperationType.SWITCHOVER
    text = shown(sight, EPOCH_MS + lab.now_ms)
    assert "needs approval" in text
    assert operation_id in text


def test_what_is_found_first_is_a_change_without_a_before() -> None:
    sight = Sight()
    (change,) = sight.look([look(("v|a", row("active", local_ha_state_last_updated_reason="launch")))])
    assert change == Change(NOW_MS - 5_000, "one", "v:a", "", "active", "launch")


def test_only_what_moves_is_a_change() -> None:
    sight = Sight()
    sight.look([look(("v|a", row("standby")), ("v|b", row("active")))])
    assert sight.look([look(("v|a", row("standby", term="2")), ("v|b", row("active")))]) == []
    (change,) = sight.look([look(("v|a", row("standby")), ("v|b", row("standalone")))])
    assert (change.name, change.before, change.after) == ("v:b", "active", "standalone")
    assert sight.changes[0] == change


def test_a_row_that_goes_is_a_change() -> None:
    sight = Sight()
    sight.look([look(("v|a", row("dead")))])
    (change,) = sight.look([look()])
    assert (change.before, change.after) == ("dead", "")
    assert change_line(change).endswith("v:a dead -> gone: its state row is gone")
    assert sight.look([look()]) == []


def test_a_lost_switch_keeps_what_it_had_said() -> None:
    sight = Sight()
    sight.look([look(("v|a", row("active"))), look(("w|a", row("standby")), switch="two")])
    assert sight.look([Look("one", lost="no answer"), look(("w|a", row("standby")), switch="two")]) == []
    assert [side.state for side in sight.sides] == ["active", "standby"]
    assert "one: no answer" in shown(sight)
    (change,) = sight.look([look(("v|a", row("dead"))), look(("w|a", row("standby")), switch="two")])
    assert (change.before, change.after) == ("active", "dead")


def test_a_lost_switch_that_was_never_seen_shows_nothing() -> None:
    sight = Sight()
    assert sight.look([Look("one", lost="no answer")]) == []
    text = shown(sight)
    assert "no HA scope is published" in text
    assert "one: no answer" in text


def test_sides_of_one_scope_stand_beside_each_other() -> None:
    sight = Sight()
    first = look(("v0|a", row("active")), ("v1|b", row("active")))
    second = look(("w0|a", row("standby")), ("w1|b", row("standby")), switch="two")
    sight.look([first, second])
    assert [(side.scope_id, side.switch) for side in sight.sides] == [
        ("a", "one"),
        ("a", "two"),
        ("b", "one"),
        ("b", "two"),
    ]


def test_a_role_that_is_not_acknowledged_is_seen() -> None:
    sight = Sight()
    sight.look([look(("v|a", row("active", local_target_asic_ha_state="active", local_acked_asic_ha_state="standby")))])
    assert "standby -> active" in shown(sight)


def test_why_it_does_not_serve_is_shown() -> None:
    told = {"waiting_for": "the DPU to be up", "rejected": "disabled: neither true nor false", "disabled": "true"}
    sight = Sight()
    sight.look([look(("v|a", row("dead", **told)))])
    text = shown(sight)
    assert "waits for the DPU to be up" in text
    assert "rejected: disabled: neither true nor false" in text
    assert "disabled by the controller" in text


def test_a_daemon_that_has_not_spoken_for_long_is_said_so() -> None:
    sight = Sight()
    sight.look([look(("v|a", row("active", last_heartbeat_time_in_ms=str(NOW_MS - STALE_MS - 1))))])
    assert "its daemon was last alive 2 min 30 s ago" in shown(sight)
    assert "last alive" not in shown(sight, NOW_MS - STALE_MS)


def test_markup_in_what_is_published_is_text() -> None:
    sight = Sight()
    sight.look([look(("v|a", row("active", local_ha_state_last_updated_reason="[bold]loud[/bold] [/nonsense]")))])
    assert "[bold]loud[/bold] [/nonsense]" in shown(sight)


def test_a_small_terminal_shows_the_newest_changes() -> None:
    sight = Sight()
    for number in range(20):
        sight.look(
            [look(("v|a", row("active" if number % 2 else "standby", local_ha_state_last_updated_reason=f"r{number}")))]
        )
    text = shown(sight, height=18)
    assert "r19" in text
    assert "r2 " not in text
    assert len(text.splitlines()) <= 18


def test_a_narrow_terminal_shows_the_same() -> None:
    lab = Lab(owner=HaOwner.SWITCH)
    lab.p()
    sight = Sight()
    sight.look(of_lab(lab))
    words = "".join(shown(sight, EPOCH_MS + lab.now_ms, width=80).split())
    for text in ("active", "standby", "vdpu0_0", "haset0_0", "2BFD", "channelup", "term1", "activationapproved"):
        assert text in words
    assert all(len(line) <= 80 for line in shown(sight, width=80).splitlines())


def test_what_a_dpu_that_drives_itself_is_wanted_to_be_is_no_role_that_it_was_asked() -> None:
    row = {"local_target_asic_ha_state": "unspecified", "local_acked_asic_ha_state": "standby"}
    asked = [next(iter(sides(Look("x", {"a|b": {**row, "owner": owner}})))).asked for owner in ("dpu", "switch")]
    assert asked == ["", "unspecified"]

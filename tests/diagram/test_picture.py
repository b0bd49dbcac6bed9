"""What is to be seen of a machine: nothing is lost between the declaration and the picture, and parts are parts."""

from collections.abc import Iterator
from enum import StrEnum

import pytest

from hamgr_fsm.table import STAY, Kind, Row, Table
from runner.diagram.dot import dot
from runner.diagram.machines import MACHINES, Region
from runner.diagram.mermaid import flowchart
from runner.diagram.palette import Theme
from runner.diagram.picture import Only, Picture, picture, sources_in_words, state_names

SCOPE = "switch-driven-scope"


def rows(shown: Picture) -> set[tuple[str, int]]:
    shown_rows = [
        (region.name, [*(a.rows for a in region.arrows), *(s.rows for s in region.sweeps)]) for region in shown.regions
    ]
    return {(name, row.number) for name, found in shown_rows for rows_of_one in found for row in rows_of_one}


def moving(name: str) -> Iterator[tuple[Region, Row]]:
    for region in MACHINES[name].regions:
        yield from ((region, row) for row in region.t.rows if row.target is not None)


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_every_row_that_moves_is_in_the_picture(name: str) -> None:
    assert rows(picture(name)) == {(region.state_fact, row.number) for region, row in moving(name)}


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_every_state_is_in_the_picture_once(name: str) -> None:
    for region, shown in zip(MACHINES[name].regions, picture(name).regions, strict=True):
        assert sorted(shown.states) == sorted(str(state.value) for state in region.states)


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_the_parts_of_a_life_make_the_whole(name: str) -> None:
    parts = [rows(picture(name, only=only)) for only in Only]
    assert set().union(*parts) == rows(picture(name))
    assert sum(map(len, parts)) == len(rows(picture(name)))


def test_an_arrow_is_of_one_kind() -> None:
    for region in picture(SCOPE).regions:
        for arrow in region.arrows:
            assert {row.kind for row in arrow.rows} == {arrow.kind}


def test_around_a_state_are_all_rows_out_of_it_and_into_it() -> None:
    expected = {
        ("state", row.number)
        for region, row in moving(SCOPE)
        if region.state_fact == "state"
        and any(state.value == "standby" for state in (*row.sources, row.target) if state)
    }
    assert rows(picture(SCOPE, around="standby")) == expected


def test_unknown_state_is_refused() -> None:
    with pytest.raises(ValueError, match="no state asleep; there are: dead, connecting"):
        picture(SCOPE, around="asleep")
    with pytest.raises(ValueError, match="no state asleep"):
        picture(SCOPE, highlight=["asleep"])


def test_a_state_is_lit_in_the_region_that_was_named() -> None:
    shown = picture("dpu-driven-scope", highlight=["dpu.active", "probe.responding", "enabled"])
    assert [region.highlighted for region in shown.regions] == ["active", "responding", "enabled"]
    assert dot(shown).count('class="state lit"') == 3
    assert 'class="state lit"' not in dot(picture("dpu-driven-scope"))


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_dark_differs_from_light_in_colours_alone(name: str) -> None:
    light, dark = (dot(picture(name), theme) for theme in Theme)
    assert light != dark
    assert [line.split("=")[0] for line in light.splitlines()] == [line.split("=")[0] for line in dark.splitlines()]


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_mermaid_has_every_arrow_and_every_state(name: str) -> None:
    shown = picture(name)
    text = flowchart(shown)
    lines = sum(f" {arrow}|" in line for line in text.splitlines() for arrow in ("-->", "-.->", "==>"))
    assert lines == sum(len(region.arrows) for region in shown.regions)
    assert all(f"{region.name}_{state}([" in text for region in shown.regions for state in region.states)


class Letter(StrEnum):
    A = "a"
    B = "b"
    C = "c"


def test_sources_are_told_in_the_shorter_way() -> None:
    class Toy:
        states = [type("S", (), {"value": letter})() for letter in Letter]

    def words(*sources: Letter) -> str:
        return sources_in_words(Row(1, sources, Letter.A, None, (), (), "", ""), Toy)  # type: ignore[arg-type]

    assert words(*Letter) == "any"
    assert words(Letter.A) == "a"
    assert words(Letter.A, Letter.B) == "a, b"


def test_every_row_of_every_machine_says_its_kind() -> None:
    for name, machine in MACHINES.items():
        for region in machine.regions:
            for row in region.t.rows:
                assert row.kind is not None, f"{name} {region.state_fact} row {row.number}"
                assert (row.kind is Kind.UPKEEP) == (row.target is None)


def test_groups_hold_states_of_their_table_and_each_once() -> None:
    for machine in MACHINES.values():
        for region in machine.regions:
            grouped = [state for states in region.t.groups.values() for state in states]
            assert len(grouped) == len(set(grouped))
            assert {str(state.value) for state in grouped} <= set(state_names(machine))


def test_a_row_that_stays_is_upkeep_by_itself() -> None:
    table = Table(Letter, initial=Letter.A)
    table.row(Letter.A, Letter.B, when="x", why="", ref="")
    table.row(Letter.A, STAY, when="x", why="", ref="")
    table.row(Letter.A, STAY, when="x", why="", ref="", kind=Kind.UNPLANNED)
    assert [row.kind for row in table.rows] == [None, Kind.UPKEEP, Kind.UNPLANNED]

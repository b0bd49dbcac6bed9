"""``diagrams/`` holds what today's declarations and runs of the lab give, and nothing else."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from runner.diagram.generated import pictures, texts
from runner.diagram.machines import MACHINES
from runner.diagram.picture import picture

FOLDER = Path(__file__).parents[2] / "diagrams"
TEXTS = texts()
PICTURES = pictures()
SVG = "{http://www.w3.org/2000/svg}"


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_text_is_that_of_today(name: str) -> None:
    assert read(name) == TEXTS[name], "run make diagrams"


def test_nothing_else_is_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {*TEXTS, *PICTURES}


def test_texts_are_the_same_every_time() -> None:
    assert texts() == TEXTS


def said(svg: str) -> str:
    """All text of a picture, with single spaces."""
    words = (element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text"))
    return " ".join(" ".join(words).split())


def ids(svg: str) -> set[str]:
    return {element.attrib["id"] for element in ElementTree.fromstring(svg).iter() if "id" in element.attrib}


@pytest.mark.parametrize("dark", ["", "-dark"])
@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_picture_of_a_machine_shows_every_state_and_every_row_that_moves(machine: str, dark: str) -> None:
    svg = read(f"{machine}{dark}.svg")
    shown, words = ids(svg), said(svg)
    for region in MACHINES[machine].regions:
        assert {f"{region.state_fact}.{state.value}" for state in region.states} <= shown
    for part in picture(machine).regions:
        for arrow in part.arrows:
            numbers = "-".join(str(row.number) for row in arrow.rows)
            assert f"{part.name}.row-{numbers}-from-{arrow.source}" in shown, "run make diagrams"
        for sweep in part.sweeps:
            assert f"{sweep.numbers} {sweep.sources.replace('_', ' ')}".split(",")[0] in words


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_picture_has_every_node_of_its_text(name: str) -> None:
    """A picture is compared with the text it is drawn from, whatever version of Graphviz drew it."""
    wanted = {word.split('"')[0] for word in PICTURES[name].split(' id="')[1:]}
    assert wanted <= ids(read(name)), "run make diagrams"

"""The colours of the pictures: one palette for paper and one for dark screens.

Kinds differ in line style as well, so that a picture tells them apart in black and white too.
"""

from enum import StrEnum

from attrs import frozen

from hamgr_fsm.table import Kind


class Theme(StrEnum):
    """What a picture is looked at on."""

    LIGHT = "light"
    DARK = "dark"


@frozen
class Palette:
    """Colours as Graphviz and browsers read them."""

    paper: str
    ink: str
    faint: str
    box: str
    box_edge: str
    state: str
    lit: str
    lit_ink: str
    kinds: dict[Kind | None, str]
    sides: tuple[str, str]

    def of(self, kind: Kind | None) -> str:
        """The colour of a kind of rows."""
        return self.kinds.get(kind, self.ink)


PALETTES = {
    Theme.LIGHT: Palette(
        paper="#ffffff",
        ink="#1b1f24",
        faint="#57606a",
        box="#f6f8fa",
        box_edge="#c9d1d9",
        state="#ffffff",
        lit="#ffd33d",
        lit_ink="#1b1f24",
        kinds={
            Kind.PLANNED: "#1a6fc4",
            Kind.UNPLANNED: "#c62828",
            Kind.RECOVERY: "#2e7d32",
            Kind.UPKEEP: "#57606a",
        },
        sides=("#1a6fc4", "#b35900"),
    ),
    Theme.DARK: Palette(
        paper="#0d1117",
        ink="#e6edf3",
        faint="#9da7b1",
        box="#161b22",
        box_edge="#3d444d",
        state="#21262d",
        lit="#d29922",
        lit_ink="#0d1117",
        kinds={
            Kind.PLANNED: "#6cb6ff",
            Kind.UNPLANNED: "#ff7b72",
            Kind.RECOVERY: "#57d364",
            Kind.UPKEEP: "#9da7b1",
        },
        sides=("#6cb6ff", "#ffa657"),
    ),
}

STYLES: dict[Kind | None, str] = {Kind.UNPLANNED: "dashed", Kind.RECOVERY: "bold"}
"""How the line of a kind is drawn, where it is not solid."""

MEANINGS = {
    Kind.PLANNED: "planned: somebody wants it",
    Kind.UNPLANNED: "unplanned: something failed",
    Kind.RECOVERY: "recovery: the way back",
    Kind.UPKEEP: "acts without moving",
}

"""Pictures as Mermaid, which needs no program to be installed: web sites and editors draw it themselves.

A machine is a flowchart with a box for each region and group, a workflow a sequence diagram.

Source: statemachine-notes 3.7.
"""

from collections.abc import Iterator, Sequence

from hamgr_fsm.table import Kind
from runner.diagram.palette import PALETTES, Theme
from runner.diagram.picture import Arrow, Picture, RegionPicture, Sweep, condition, told
from runner.diagram.workflow import LANES, Entered, Moment, Noted, Said, Workflow

_ARROWS: dict[Kind | None, str] = {Kind.UNPLANNED: "-.->", Kind.RECOVERY: "==>"}


def flowchart(shown: Picture, theme: Theme = Theme.LIGHT) -> str:
    """A machine as a flowchart."""
    lines = [*_head(theme), "flowchart TB"]
    colours: list[Kind | None] = []
    for region in shown.regions:
        lines += _region(region, shown.detailed, colours)
    palette = PALETTES[theme]
    for kind in dict.fromkeys(colours):
        numbers = ",".join(str(number) for number, of in enumerate(colours) if of is kind)
        lines.append(f"  linkStyle {numbers} stroke:{palette.of(kind)},color:{palette.of(kind)}")
    lines += [f"  style {region.name}_{region.initial} stroke-width:3px" for region in shown.regions if region.states]
    lines += [
        f"  style {region.name}_{region.highlighted} fill:{palette.lit},color:{palette.lit_ink},stroke-width:3px"
        for region in shown.regions
        if region.highlighted
    ]
    return "\n".join(lines) + "\n"


def sequence(workflow: Workflow, moments: Sequence[Moment], theme: Theme = Theme.LIGHT) -> str:
    """A workflow as a sequence diagram."""
    lines = [*_head(theme), "sequenceDiagram", f"  accTitle: {workflow.title}"]
    lines += [f"  participant {lane}" for lane in LANES]
    lines += [f"  {_moment(moment)}" for moment in moments]
    return "\n".join(lines) + "\n"


def _head(theme: Theme) -> list[str]:
    return ['%%{init: {"theme": "dark"}}%%'] if theme is Theme.DARK else []


def _region(region: RegionPicture, detailed: bool, colours: list[Kind | None]) -> Iterator[str]:
    yield f'  subgraph {region.name} ["{region.name}: {region.title}"]'
    for group in region.groups:
        inside = "  " if group.name else ""
        if group.name:
            yield f'    subgraph {region.name}_box_{group.name.replace(" ", "_")} ["{group.name}"]'
        yield from (f'    {inside}{region.name}_{state}(["{state.replace("_", " ")}"])' for state in group.states)
        if group.name:
            yield "    end"
    for arrow in region.arrows:
        colours.append(arrow.kind)
        ends = f"{region.name}_{arrow.source}", f"{region.name}_{arrow.target}"
        yield f'    {ends[0]} {_ARROWS.get(arrow.kind, "-->")}|"{_text(arrow, detailed)}"| {ends[1]}'
    if region.sweeps:
        notes = "<br/>".join(_sweep(sweep) for sweep in region.sweeps)
        yield f'    {region.name}_notes["from many states<br/>{notes}"]'
    yield "  end"


def _text(arrow: Arrow, detailed: bool) -> str:
    lines = (f"{row.number} {told(row)}{f' <i>{condition(row)}</i>' if detailed else ''}" for row in arrow.rows)
    return "<br/>".join(lines)


def _sweep(sweep: Sweep) -> str:
    return f"{sweep.numbers} {sweep.text}"


def _moment(moment: Moment) -> str:
    match moment:
        case Entered(_, lane, state, row, why):
            reason = f" ({row} {why})" if row else ""
            return f"Note over {lane}: {state.replace('_', ' ').upper()}{reason}"
        case Noted(_, lane, text):
            side = "left" if lane == LANES[1] else "right"
            return f"Note {side} of {lane}: {text.replace('_', ' ')}"
        case Said(_, lane, receiver, text):
            return f"{lane}->>{receiver}: {text.replace('_', ' ')}"
    raise AssertionError(f"nobody draws {moment}")

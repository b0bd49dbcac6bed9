"""Snapshots of the lab's switches: what a command would read from their databases at this moment."""

from models.tables import DASH_HA_SCOPE_STATE
from runner.explain.answer import Answer, Link, explain_scope
from runner.explain.snapshot import Snapshot, rebuilt
from runner.lab.lab import Lab
from runner.lab.switch import OWN_DATABASES
from runner.lab.world import EPOCH_MS


def snapshot(lab: Lab, name: str) -> Snapshot:
    """What the databases of one side hold now."""
    store = lab[name].store
    found = [store.found(database) for database in OWN_DATABASES]
    return Snapshot(0, EPOCH_MS + lab.now_ms, (*found, *store.contents()))


def explained(lab: Lab, name: str, *assumptions: str, link: Link | None = None) -> Answer:
    """Why the scope of a side stands where it stands, from its databases alone."""
    read = snapshot(lab, name)
    node, said = rebuilt(read)
    side = lab[name].side
    row = read.row(DASH_HA_SCOPE_STATE, side.state_key)
    return explain_scope(node, side.scope_key, row, said=said, link=link, assumptions=assumptions)

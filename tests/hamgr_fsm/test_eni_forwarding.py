"""The forwarding entry of one ENI: ha-set 4.2 sentence by sentence."""

from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hamgr_fsm.effects import Effect, ForwardEni, ForwardEniNoMore, LeaveEniToAnother
from hamgr_fsm.eni_forwarding import EniForwarding, EniPlacement, EntryState
from hamgr_fsm.programs import EniForward
from hamgr_fsm.traffic import ScopeView
from hamgr_fsm.vocabulary import HaRole, HaState
from tests.hamgr_fsm.build import A, B
from tests.hamgr_fsm.inputs import ENI

MAC, VNET, IDS = "F4:93:9F:EF:C4:7E", "Vnet_55", (A.vdpu_id, B.vdpu_id)
PLACED = EniPlacement(MAC, "haset0_0")
PINNED = attrs.evolve(PLACED, pinned_index=1)
A_SERVES = ScopeView(A.vdpu_id, HaState.ACTIVE, HaRole.ACTIVE, 1)
B_SERVES = ScopeView(B.vdpu_id, HaState.STANDALONE, HaRole.STANDALONE, 2)
B_WAITS = ScopeView(B.vdpu_id, HaState.STANDBY, HaRole.STANDBY, 1)
NOT_ACKED = attrs.evolve(B_SERVES, acked_role=HaRole.STANDBY)
KNOWN: Mapping[str, object] = {"placement": PLACED, "vdpu_ids": IDS, "vdpus": (A, B), "vnet": VNET}


def entry(primary: str, **changes: Any) -> EniForward:
    return attrs.evolve(EniForward(VNET, MAC, IDS, primary), **changes)


def programs(effects: tuple[Effect, ...]) -> list[EniForward]:
    return [effect.program for effect in effects if isinstance(effect, ForwardEni)]


def installed(**facts: object) -> EniForwarding:
    """An ENI that A serves."""
    machine = EniForwarding()
    machine.update(**KNOWN, scopes=(A_SERVES, B_WAITS))
    machine.update(**facts)
    return machine


@pytest.mark.parametrize(
    ("scopes", "placement", "primary"),
    [
        ((A_SERVES, B_WAITS), PLACED, A.vdpu_id),
        ((A_SERVES,), PLACED, A.vdpu_id),
        ((A_SERVES, B_SERVES), PLACED, B.vdpu_id),
        ((A_SERVES, NOT_ACKED), PLACED, A.vdpu_id),
        ((A_SERVES, B_WAITS), PINNED, B.vdpu_id),
        ((), PINNED, B.vdpu_id),
        ((A_SERVES,), attrs.evolve(PLACED, pinned_index=0), A.vdpu_id),
        ((A_SERVES,), attrs.evolve(PLACED, pinned_index=7), A.vdpu_id),
        ((B_WAITS,), PLACED, None),
        ((), PLACED, None),
    ],
)
def test_primary(scopes: tuple[ScopeView, ...], placement: EniPlacement, primary: str | None) -> None:
    effects = EniForwarding().update(**{**KNOWN, "scopes": scopes, "placement": placement})
    assert programs(effects) == ([] if primary is None else [entry(primary)])


def test_outbound_fields_are_copied() -> None:
    placed = attrs.evolve(PLACED, outbound_vni=77, outbound_lookup="dst")
    effects = EniForwarding().update(**{**KNOWN, "placement": placed, "scopes": (A_SERVES,)})
    assert programs(effects) == [entry(A.vdpu_id, outbound_vni=77, outbound_lookup="dst")]


@pytest.mark.parametrize("missing", ["placement", "vdpu_ids", "vnet", "vdpus"])
def test_nothing_is_written_while_something_is_missing(missing: str) -> None:
    nothing: object = () if missing == "vdpus" else None
    machine = EniForwarding()
    assert machine.update(**{**KNOWN, "scopes": (A_SERVES,), missing: nothing}) == ()
    assert machine.facts.waiting_for
    assert programs(machine.update(**{missing: KNOWN[missing]})) == [entry(A.vdpu_id)]
    assert machine.facts.waiting_for == ""


def test_entry_stays_while_nobody_serves() -> None:
    assert installed().update(scopes=(attrs.evolve(A_SERVES, acked_role=None), B_WAITS)) == ()


def test_entry_follows_whoever_serves_and_says_that_traffic_moves() -> None:
    machine = installed()
    assert machine.update(scopes=(B_SERVES,)) == (ForwardEni(entry(B.vdpu_id), moves_traffic=True),)
    assert machine.update(placement=attrs.evolve(PLACED, outbound_vni=5)) == (
        ForwardEni(entry(B.vdpu_id, outbound_vni=5), moves_traffic=False),
    )


def test_side_whose_dpu_is_down_does_not_get_the_packets() -> None:
    machine = installed(scopes=(B_SERVES,))
    assert machine.update(scopes=(A_SERVES, B_SERVES), vdpus=(attrs.evolve(A, up=False), B)) == ()


def test_another_mac_or_vnet_takes_the_old_entry_away_first() -> None:
    machine = installed()
    assert machine.update(vnet="Vnet_66") == (
        ForwardEniNoMore(VNET, MAC),
        ForwardEni(entry(A.vdpu_id, vnet="Vnet_66")),
    )
    machine.update(placement=attrs.evolve(PLACED, mac="F4:93:9F:EF:C4:7F"))
    assert machine.facts.installed == entry(A.vdpu_id, vnet="Vnet_66", mac="F4:93:9F:EF:C4:7F")


@pytest.mark.parametrize("gone", [{"placement": None}, {"vdpu_ids": None, "vdpus": (), "scopes": ()}])
def test_entry_goes_with_the_placement_and_with_the_set(gone: dict[str, object]) -> None:
    machine = installed()
    assert machine.update(**gone) == (ForwardEniNoMore(VNET, MAC),)
    assert machine.facts.entry is EntryState.ABSENT


def test_entry_stays_while_the_eni_moves_to_a_set_in_which_nobody_serves_yet() -> None:
    machine = installed()
    moved = attrs.evolve(PLACED, ha_set_id="haset0_1")
    assert machine.update(placement=moved, vdpu_ids=None, vdpus=(), scopes=()) == ()
    assert machine.update(vdpu_ids=IDS, vdpus=(A, B)) == ()
    assert programs(machine.update(scopes=(B_SERVES,))) == [entry(B.vdpu_id)]


def test_entry_is_left_to_another_process_of_this_switch_and_taken_away_otherwise() -> None:
    others = (attrs.evolve(A, vdpu_id="vdpu0_1", managed=False), B)
    moved = {"placement": attrs.evolve(PLACED, ha_set_id="haset0_1"), "vdpu_ids": ("vdpu0_1", B.vdpu_id), "scopes": ()}
    assert installed().update(**moved, vdpus=others) == (LeaveEniToAnother(VNET, MAC),)
    elsewhere = (attrs.evolve(others[0], local=False), B)
    assert installed().update(**moved, vdpus=elsewhere) == (ForwardEniNoMore(VNET, MAC),)


def test_restored_machine_repeats_its_entry_and_nothing_else() -> None:
    machine = installed()
    assert EniForwarding.restore(machine.snapshot()).resume() == (ForwardEni(entry(A.vdpu_id)),)


@given(ENI.all_told(), st.permutations(sorted(ENI.told)))
def test_entry_does_not_depend_on_the_order_in_which_things_became_known(
    told: dict[str, object], order: list[str]
) -> None:
    at_once, bit_by_bit = EniForwarding(), EniForwarding()
    at_once.update(**told)
    for name in order:
        bit_by_bit.update(**{name: told[name]})
    if at_once.facts.wanted_entry is not None:
        assert bit_by_bit.facts.installed == at_once.facts.installed == at_once.facts.wanted_entry

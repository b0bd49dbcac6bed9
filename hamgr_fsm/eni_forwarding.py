"""Where the packets of one ENI go: the forwarding entry that this switch should have.

The entry follows whoever serves the ENI, unless an operator has pinned its next hop; while nobody serves, the last
entry stays. It moves with the ENI from one HA set to another, and from one VNET or MAC to another.

Must not know how rows look or what an HA scope does to become the one that serves.

Source: ha-set 4.2, field-lessons FL-33, FL-49.
"""

from enum import StrEnum

from attrs import define, frozen

from hamgr_fsm.effects import Effect, ForwardEni, ForwardEniNoMore, LeaveEniToAnother
from hamgr_fsm.facts import Facts, kept, told
from hamgr_fsm.machine import Machine
from hamgr_fsm.programs import EniForward
from hamgr_fsm.table import PLANNED, STAY, FactMachine, Table
from hamgr_fsm.traffic import ScopeView, VdpuView, serving_vdpu


class EntryState(StrEnum):
    """Whether this switch has been told where to forward the ENI."""

    ABSENT = "absent"
    INSTALLED = "installed"


@frozen
class EniPlacement:
    """Where the controller has placed an ENI.

    ``pinned_index`` is a place in the vDPUs of the set, from 0; None: no pin. What is for packets that leave the ENI
    is handed through as it is.
    """

    mac: str
    ha_set_id: str
    pinned_index: int | None = None
    outbound_vni: int | None = None
    outbound_lookup: str | None = None


@define
class EniForwardingFacts(Facts):
    """What is known of one ENI, and what the switch has been told of it."""

    entry: EntryState = kept(EntryState.ABSENT)
    placement: EniPlacement | None = told(None)
    vdpu_ids: tuple[str, ...] | None = told(None)
    """The vDPUs of the HA set that the ENI is in; None while it is not known, or is none whose scopes are ENIs."""

    vdpus: tuple[VdpuView, ...] = told(())
    """Those of them that are known here, in that order."""

    scopes: tuple[ScopeView, ...] = told(())
    """What the scopes of the ENI last reported of themselves."""

    vnet: str | None = told(None)
    installed: EniForward | None = kept(None)
    installed_for: str = kept("")
    """The HA set in which the ENI was when the entry was installed."""

    @property
    def unplaced(self) -> bool:
        """The controller has taken the ENI away, or has deleted the HA set that its entry is about."""
        gone = self.placement is not None and self.vdpu_ids is None
        return self.placement is None or (gone and self.placement.ha_set_id == self.installed_for)

    @property
    def nothing_managed(self) -> bool:
        """All vDPUs of the ENI's set are known and none of them is managed here."""
        ids = self.vdpu_ids or ()
        return bool(ids) and len(self.vdpus) == len(ids) and not any(vdpu.managed for vdpu in self.vdpus)

    @property
    def another_is_in_charge(self) -> bool:
        """None of the vDPUs is managed here, and one is managed by another process of this switch."""
        return self.nothing_managed and any(vdpu.local for vdpu in self.vdpus)

    @property
    def primary(self) -> str | None:
        """The pinned next hop, else the vDPU that serves; None while there is neither. Source: ha-set 4.2."""
        ids = self.vdpu_ids or ()
        pin = self.placement.pinned_index if self.placement is not None else None
        if pin is not None and pin < len(ids):
            return ids[pin]
        return serving_vdpu(self.vdpus, self.scopes)

    @property
    def wanted_entry(self) -> EniForward | None:
        """The entry that there should be; None while something is missing, or nobody serves and nothing is pinned."""
        placed, ids = self.placement, self.vdpu_ids
        if placed is None or ids is None or self.vnet is None or not any(vdpu.managed for vdpu in self.vdpus):
            return None
        primary = self.primary
        if primary is None:
            return None
        return EniForward(self.vnet, placed.mac, ids, primary, placed.outbound_vni, placed.outbound_lookup)

    @property
    def entry_known(self) -> bool:
        """There is an entry to install."""
        return self.wanted_entry is not None

    @property
    def entry_outdated(self) -> bool:
        """There is an entry to install, and it is not the one that is installed."""
        wanted = self.wanted_entry
        return wanted is not None and wanted != self.installed

    @property
    def key_outdated(self) -> bool:
        """The ENI has another MAC or is in another VNET than its entry says."""
        wanted, there = self.wanted_entry, self.installed
        return wanted is not None and there is not None and (wanted.vnet, wanted.mac) != (there.vnet, there.mac)

    @property
    def waiting_for(self) -> str:
        """What is missing before the ENI can be forwarded, in words; empty when nothing is."""
        if self.placement is None:
            return "placement of the ENI"
        if self.vdpu_ids is None:
            return f"HA set {self.placement.ha_set_id} with scope eni"
        if self.vnet is None:
            return "dpu_vnet in the global configuration"
        if self.placement.pinned_index is not None and self.placement.pinned_index >= len(self.vdpu_ids):
            return f"a pinned next hop below {len(self.vdpu_ids)}, not {self.placement.pinned_index}"
        return "" if self.wanted_entry is not None or self.nothing_managed else "a vDPU that serves"


class Entry(FactMachine):
    """The forwarding entry of one ENI."""

    state_fact = "entry"
    t = Table(EntryState, initial=EntryState.ABSENT)

    # fmt: off
    t.row(EntryState.INSTALLED, EntryState.ABSENT, when="unplaced", do="remove_entry",
          why="placement or HA set deleted", ref="ha-set 4.2", kind=PLANNED)
    t.row(EntryState.INSTALLED, EntryState.ABSENT, when="another_is_in_charge", do="leave_entry",
          why="moved to a DPU of another slot of this switch", ref="ha-set 2, ha-set 4.2", kind=PLANNED)
    t.row(EntryState.INSTALLED, EntryState.ABSENT, when="nothing_managed", do="remove_entry",
          why="no vDPU of the ENI is managed here", ref="ha-set 2, ha-set 4.2", kind=PLANNED)
    t.row(EntryState.ABSENT, EntryState.INSTALLED, when="entry_known", do="install_entry",
          why="a vDPU serves the ENI, or its next hop is pinned", ref="ha-set 4.2, FL-33", kind=PLANNED)
    t.row(EntryState.INSTALLED, STAY, when="key_outdated", do=("remove_entry", "install_entry"),
          why="another MAC or VNET", ref="ha-set 4.2")
    t.row(EntryState.INSTALLED, STAY, when="entry_outdated", do="install_entry",
          why="another vDPU serves the ENI, or its placement changed", ref="ha-set 4.2")
    # fmt: on

    @staticmethod
    def install_entry(model: EniForwardingFacts) -> None:
        """Tell the switch."""
        assert model.wanted_entry is not None and model.placement is not None
        moves_traffic = model.installed is None or model.installed.primary != model.wanted_entry.primary
        model.installed, model.installed_for = model.wanted_entry, model.placement.ha_set_id
        model.outbox.append(ForwardEni(model.installed, moves_traffic))

    @staticmethod
    def remove_entry(model: EniForwardingFacts) -> None:
        """Take the entry from the switch."""
        if model.installed is not None:
            model.outbox.append(ForwardEniNoMore(model.installed.vnet, model.installed.mac))
        model.installed = None

    @staticmethod
    def leave_entry(model: EniForwardingFacts) -> None:
        """Leave the entry to the process that is in charge now: it writes the same key."""
        if model.installed is not None:
            model.outbox.append(LeaveEniToAnother(model.installed.vnet, model.installed.mac))
        model.installed = None


class EniForwarding(Machine[EniForwardingFacts]):
    """The forwarding of one ENI by this switch."""

    regions = (Entry,)
    record = EniForwardingFacts

    def _repeat(self) -> tuple[Effect, ...]:
        return (ForwardEni(self.facts.installed),) if self.facts.installed is not None else ()

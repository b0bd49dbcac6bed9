"""The placement of an ENI, which the controller writes, and its forwarding entry, which hamgrd writes for the switch.

Source: tables 2.9, 2.21; ha-set 4.2.
"""

from attrs import frozen

from models.quantities import MacAddress, Uint32


@frozen(kw_only=True)
class EniPlacementRow:
    """Which HA set an ENI is in.

    ``pinned_next_hop_index`` is a place in the vDPUs of the set, from 0; None: the next hop is whoever serves. The two
    ``outbound`` fields are copied into the forwarding entry. Source: tables 2.9.
    """

    version: str = ""
    eni_mac: MacAddress
    ha_set_id: str
    pinned_next_hop_index: Uint32 | None = None
    outbound_vni: Uint32 | None = None
    outbound_eni_mac_lookup: str | None = None


@frozen(kw_only=True)
class EniForwardRow:
    """Where the switch forwards the packets of an ENI; ``primary_vdpu`` is one of ``vdpu_ids``. Source: tables 2.21."""

    vdpu_ids: tuple[str, ...]
    primary_vdpu: str
    outbound_vni: Uint32 | None = None
    outbound_eni_mac_lookup: str | None = None

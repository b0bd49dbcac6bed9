"""What the controller wants: the configuration of HA sets and HA scopes, in every encoding that it may arrive in.

A row is one protobuf message in the field ``pb``, raw or as hex text; or a JSON object in ``json``; or plain fields.
Each encoding is brought into the form of plain fields first, and the codec reads that, so that all of them obey the
same rules. Source: tables 2.7, 2.8, 3.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

from attrs import frozen

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaScopeKind, PinState
from models.codec import bad_row, decode_record, prepared_by
from models.controller_encodings import plain_scope_fields, plain_set_fields
from models.protobuf.dash_ha_scope_config_pb2 import HaScopeConfig
from models.protobuf.dash_ha_set_config_pb2 import HaSetConfig
from models.protobuf.dash_types_pb2 import IpAddress as IpAddressMessage
from models.quantities import IpAddress, Uint32
from models.words import full_name

_SET_TABLE = "DASH_HA_SET_CONFIG_TABLE"
_SCOPE_TABLE = "DASH_HA_SCOPE_CONFIG_TABLE"


@prepared_by(plain_set_fields)
@frozen(kw_only=True)
class HaSetConfigRow:
    """An HA set: two vDPUs that share virtual addresses.

    ``vdpu_ids`` has no empty and no repeated ids once decoded; ``pinned_vdpu_bfd_probe_states`` belongs to it index by
    index and may be shorter. Who owns the set is not said here but in its scopes. Source: tables 2.7.
    """

    version: str = ""
    vip_v4: IPv4Address | None = None
    vip_v6: IPv6Address | None = None
    vdpu_ids: tuple[str, ...] = ()
    scope: HaScopeKind = HaScopeKind.UNSPECIFIED
    pinned_vdpu_bfd_probe_states: tuple[PinState, ...] = ()
    preferred_vdpu_id: str = ""
    preferred_standalone_vdpu_index: Uint32 = 0

    @property
    def pins(self) -> Mapping[str, PinState]:
        """The pin of every vDPU of the set in the order of ``vdpu_ids``; one that was not given is ``none``."""
        missing = len(self.vdpu_ids) - len(self.pinned_vdpu_bfd_probe_states)
        padded = self.pinned_vdpu_bfd_probe_states + (PinState.NONE,) * missing
        return dict(zip(self.vdpu_ids, padded, strict=False))


@prepared_by(plain_scope_fields)
@frozen(kw_only=True)
class HaScopeConfigRow:
    """An HA scope on one vDPU: who drives it and what it shall become.

    ``version`` is free text. ``ha_set_id`` names the set, the key does not (FL-45). ``approved_pending_operation_ids``
    may hold ids that nobody asked for. Source: tables 2.8.
    """

    version: str = ""
    disabled: bool = False
    owner: HaOwner = HaOwner.UNSPECIFIED
    ha_set_id: str = ""
    desired_ha_state: DesiredHaState = DesiredHaState.UNSPECIFIED
    approved_pending_operation_ids: tuple[str, ...] = ()


def decode_ha_set_config(key: str, fields: Mapping[str, bytes | str]) -> HaSetConfigRow:
    """The configuration of an HA set. Raises ``BadRow`` if it cannot be read in the encoding that takes precedence."""
    return decode_record(HaSetConfigRow, _SET_TABLE, key, fields)


def decode_ha_scope_config(key: str, fields: Mapping[str, bytes | str], *, known: bool = False) -> HaScopeConfigRow:
    """The configuration of an HA scope. Raises ``BadRow`` if it cannot be read.

    An empty message says "all defaults" only where a row was accepted before (``known``), else it is rejected.
    """
    return decode_record(HaScopeConfigRow, _SCOPE_TABLE, key, fields, known=known)


def split_scope_key(key: str) -> tuple[str, str]:
    """The vDPU id and the scope id of a key; the scope id may contain more colons.

    Raises ``BadRow`` without a colon or with an empty part. Source: tables 2.8.
    """
    vdpu_id, separator, scope_id = key.partition(":")
    if not (separator and vdpu_id.strip() and scope_id.strip()):
        raise bad_row(_SCOPE_TABLE, key, "(key)", key, "not a vDPU id and a scope id with a colon between them")
    return vdpu_id, scope_id


def encode_ha_set_config(row: HaSetConfigRow) -> bytes:
    """The row as the controller's protobuf message. Source: tables 3.4."""
    return HaSetConfig(
        version=row.version,
        vip_v4=_address_message(row.vip_v4),
        vip_v6=_address_message(row.vip_v6),
        vdpu_ids=row.vdpu_ids,
        scope=full_name(row.scope),
        pinned_vdpu_bfd_probe_states=[pin.value for pin in row.pinned_vdpu_bfd_probe_states],
        preferred_vdpu_id=row.preferred_vdpu_id,
        preferred_standalone_vdpu_index=row.preferred_standalone_vdpu_index,
    ).SerializeToString()


def encode_ha_scope_config(row: HaScopeConfigRow) -> bytes:
    """The row as the controller's protobuf message; zero bytes if all is default. Source: tables 3.4."""
    return HaScopeConfig(
        version=row.version,
        disabled=row.disabled,
        owner=full_name(row.owner),
        ha_set_id=row.ha_set_id,
        desired_ha_state=full_name(row.desired_ha_state),
        approved_pending_operation_ids=row.approved_pending_operation_ids,
    ).SerializeToString()


def _address_message(address: IpAddress | None) -> IpAddressMessage | None:
    if isinstance(address, IPv4Address):
        # The four octets must appear on the wire in network order, and a fixed32 is little-endian there (FL-44).
        return IpAddressMessage(ipv4=int.from_bytes(address.packed, "little"))
    return None if address is None else IpAddressMessage(ipv6=address.packed)

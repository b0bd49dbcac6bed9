"""The words and numbers of the wire for the enumerations of ``hamgr_fsm.vocabulary``.

A word may come in any case, with the prefix of its enumeration or another's, or as its number. Numbers are taken from
the protobuf declarations, the one place where they are written down. Source: tables 2.24 rule 4, 3.6.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache

from hamgr_fsm.vocabulary import DesiredHaState, HaOwner, HaRole, HaScopeKind, HaState
from models.protobuf import dash_ha_scope_config_pb2, dash_types_pb2

UNSPECIFIED = "unspecified"

_NUMBERS: Mapping[type[StrEnum], tuple[str, list[tuple[str, int]]]] = {
    HaState: ("HA_STATE_", dash_types_pb2.HaState.items()),
    HaRole: ("HA_ROLE_", dash_types_pb2.HaRole.items()),
    HaOwner: ("HA_OWNER_", dash_types_pb2.HaOwner.items()),
    HaScopeKind: ("HA_SCOPE_", dash_types_pb2.HaScope.items()),
    DesiredHaState: ("DESIRED_HA_STATE_", dash_ha_scope_config_pb2.DesiredHaState.items()),
}

_PREFIXES = tuple(prefix.lower() for prefix, _ in _NUMBERS.values())


@cache
def readings(enumeration: type[StrEnum]) -> Mapping[str, StrEnum | None]:
    """Every accepted spelling in lower case and its meaning; None: unspecified, where there is no member for it."""
    meanings: dict[str, StrEnum | None] = {member.value: member for member in enumeration}
    if enumeration not in _NUMBERS:
        return meanings
    meanings.setdefault(UNSPECIFIED, None)
    meanings |= {prefix + word: meaning for prefix in _PREFIXES for word, meaning in meanings.items()}
    own_prefix, numbers = _NUMBERS[enumeration]
    return meanings | {str(number): meanings[name.removeprefix(own_prefix).lower()] for name, number in numbers}


def full_name(member: StrEnum) -> str:
    """The word as protobuf and the switch-driven state row spell it: ``HA_STATE_ACTIVE``.

    Raises KeyError for an enumeration that the wire does not number.
    """
    return _NUMBERS[type(member)][0] + member.value.upper()

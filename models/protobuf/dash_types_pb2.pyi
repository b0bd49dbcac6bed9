from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class HaScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HA_SCOPE_UNSPECIFIED: _ClassVar[HaScope]
    HA_SCOPE_DPU: _ClassVar[HaScope]
    HA_SCOPE_ENI: _ClassVar[HaScope]

class HaOwner(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HA_OWNER_UNSPECIFIED: _ClassVar[HaOwner]
    HA_OWNER_DPU: _ClassVar[HaOwner]
    HA_OWNER_SWITCH: _ClassVar[HaOwner]

class HaRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HA_ROLE_UNSPECIFIED: _ClassVar[HaRole]
    HA_ROLE_DEAD: _ClassVar[HaRole]
    HA_ROLE_ACTIVE: _ClassVar[HaRole]
    HA_ROLE_STANDBY: _ClassVar[HaRole]
    HA_ROLE_STANDALONE: _ClassVar[HaRole]
    HA_ROLE_SWITCHING_TO_ACTIVE: _ClassVar[HaRole]

class HaState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HA_STATE_UNSPECIFIED: _ClassVar[HaState]
    HA_STATE_DEAD: _ClassVar[HaState]
    HA_STATE_CONNECTING: _ClassVar[HaState]
    HA_STATE_CONNECTED: _ClassVar[HaState]
    HA_STATE_INITIALIZING_TO_ACTIVE: _ClassVar[HaState]
    HA_STATE_INITIALIZING_TO_STANDBY: _ClassVar[HaState]
    HA_STATE_PENDING_STANDALONE_ACTIVATION: _ClassVar[HaState]
    HA_STATE_PENDING_ACTIVE_ACTIVATION: _ClassVar[HaState]
    HA_STATE_PENDING_STANDBY_ACTIVATION: _ClassVar[HaState]
    HA_STATE_STANDALONE: _ClassVar[HaState]
    HA_STATE_ACTIVE: _ClassVar[HaState]
    HA_STATE_STANDBY: _ClassVar[HaState]
    HA_STATE_DESTROYING: _ClassVar[HaState]
    HA_STATE_SWITCHING_TO_STANDALONE: _ClassVar[HaState]
    HA_STATE_SWITCHING_TO_ACTIVE: _ClassVar[HaState]
    HA_STATE_SWITCHING_TO_STANDBY: _ClassVar[HaState]
HA_SCOPE_UNSPECIFIED: HaScope
HA_SCOPE_DPU: HaScope
HA_SCOPE_ENI: HaScope
HA_OWNER_UNSPECIFIED: HaOwner
HA_OWNER_DPU: HaOwner
HA_OWNER_SWITCH: HaOwner
HA_ROLE_UNSPECIFIED: HaRole
HA_ROLE_DEAD: HaRole
HA_ROLE_ACTIVE: HaRole
HA_ROLE_STANDBY: HaRole
HA_ROLE_STANDALONE: HaRole
HA_ROLE_SWITCHING_TO_ACTIVE: HaRole
HA_STATE_UNSPECIFIED: HaState
HA_STATE_DEAD: HaState
HA_STATE_CONNECTING: HaState
HA_STATE_CONNECTED: HaState
HA_STATE_INITIALIZING_TO_ACTIVE: HaState
HA_STATE_INITIALIZING_TO_STANDBY: HaState
HA_STATE_PENDING_STANDALONE_ACTIVATION: HaState
HA_STATE_PENDING_ACTIVE_ACTIVATION: HaState
HA_STATE_PENDING_STANDBY_ACTIVATION: HaState
HA_STATE_STANDALONE: HaState
HA_STATE_ACTIVE: HaState
HA_STATE_STANDBY: HaState
HA_STATE_DESTROYING: HaState
HA_STATE_SWITCHING_TO_STANDALONE: HaState
HA_STATE_SWITCHING_TO_ACTIVE: HaState
HA_STATE_SWITCHING_TO_STANDBY: HaState

class IpAddress(_message.Message):
    __slots__ = ("ipv4", "ipv6")
    IPV4_FIELD_NUMBER: _ClassVar[int]
    IPV6_FIELD_NUMBER: _ClassVar[int]
    ipv4: int
    ipv6: bytes
    def __init__(self, ipv4: _Optional[int] = ..., ipv6: _Optional[bytes] = ...) -> None: ...

from models.protobuf import dash_types_pb2 as _dash_types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DesiredHaState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DESIRED_HA_STATE_UNSPECIFIED: _ClassVar[DesiredHaState]
    DESIRED_HA_STATE_DEAD: _ClassVar[DesiredHaState]
    DESIRED_HA_STATE_ACTIVE: _ClassVar[DesiredHaState]
    DESIRED_HA_STATE_STANDALONE: _ClassVar[DesiredHaState]
DESIRED_HA_STATE_UNSPECIFIED: DesiredHaState
DESIRED_HA_STATE_DEAD: DesiredHaState
DESIRED_HA_STATE_ACTIVE: DesiredHaState
DESIRED_HA_STATE_STANDALONE: DesiredHaState

class HaScopeConfig(_message.Message):
    __slots__ = ("version", "disabled", "owner", "ha_set_id", "desired_ha_state", "approved_pending_operation_ids")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    HA_SET_ID_FIELD_NUMBER: _ClassVar[int]
    DESIRED_HA_STATE_FIELD_NUMBER: _ClassVar[int]
    APPROVED_PENDING_OPERATION_IDS_FIELD_NUMBER: _ClassVar[int]
    version: str
    disabled: bool
    owner: _dash_types_pb2.HaOwner
    ha_set_id: str
    desired_ha_state: DesiredHaState
    approved_pending_operation_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, version: _Optional[str] = ..., disabled: _Optional[bool] = ..., owner: _Optional[_Union[_dash_types_pb2.HaOwner, str]] = ..., ha_set_id: _Optional[str] = ..., desired_ha_state: _Optional[_Union[DesiredHaState, str]] = ..., approved_pending_operation_ids: _Optional[_Iterable[str]] = ...) -> None: ...

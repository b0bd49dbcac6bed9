from models.protobuf import dash_types_pb2 as _dash_types_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HaSetConfig(_message.Message):
    __slots__ = ("version", "vip_v4", "vip_v6", "vdpu_ids", "scope", "pinned_vdpu_bfd_probe_states", "preferred_vdpu_id", "preferred_standalone_vdpu_index")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VIP_V4_FIELD_NUMBER: _ClassVar[int]
    VIP_V6_FIELD_NUMBER: _ClassVar[int]
    VDPU_IDS_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PINNED_VDPU_BFD_PROBE_STATES_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_VDPU_ID_FIELD_NUMBER: _ClassVar[int]
    PREFERRED_STANDALONE_VDPU_INDEX_FIELD_NUMBER: _ClassVar[int]
    version: str
    vip_v4: _dash_types_pb2.IpAddress
    vip_v6: _dash_types_pb2.IpAddress
    vdpu_ids: _containers.RepeatedScalarFieldContainer[str]
    scope: _dash_types_pb2.HaScope
    pinned_vdpu_bfd_probe_states: _containers.RepeatedScalarFieldContainer[str]
    preferred_vdpu_id: str
    preferred_standalone_vdpu_index: int
    def __init__(self, version: _Optional[str] = ..., vip_v4: _Optional[_Union[_dash_types_pb2.IpAddress, _Mapping]] = ..., vip_v6: _Optional[_Union[_dash_types_pb2.IpAddress, _Mapping]] = ..., vdpu_ids: _Optional[_Iterable[str]] = ..., scope: _Optional[_Union[_dash_types_pb2.HaScope, str]] = ..., pinned_vdpu_bfd_probe_states: _Optional[_Iterable[str]] = ..., preferred_vdpu_id: _Optional[str] = ..., preferred_standalone_vdpu_index: _Optional[int] = ...) -> None: ...

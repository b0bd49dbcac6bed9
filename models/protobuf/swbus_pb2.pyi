from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RouteScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROUTE_SCOPE_CLIENT: _ClassVar[RouteScope]
    ROUTE_SCOPE_IN_NODE: _ClassVar[RouteScope]
    ROUTE_SCOPE_IN_CLUSTER: _ClassVar[RouteScope]
    ROUTE_SCOPE_IN_REGION: _ClassVar[RouteScope]
    ROUTE_SCOPE_GLOBAL: _ClassVar[RouteScope]

class ManagementRequestType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SWBUSD_GET_ROUTES: _ClassVar[ManagementRequestType]
    HAMGRD_GET_ACTOR_STATE: _ClassVar[ManagementRequestType]
    SWBUSD_RESOLVE_PEER_SP: _ClassVar[ManagementRequestType]

class ErrorCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNKNOWN_ERROR: _ClassVar[ErrorCode]
    OK: _ClassVar[ErrorCode]
    CONNECTION_ERROR: _ClassVar[ErrorCode]
    TIMEOUT: _ClassVar[ErrorCode]
    INVALID_ARGS: _ClassVar[ErrorCode]
    INVALID_DESTINATION: _ClassVar[ErrorCode]
    INVALID_SOURCE: _ClassVar[ErrorCode]
    INVALID_HEADER: _ClassVar[ErrorCode]
    INVALID_PAYLOAD: _ClassVar[ErrorCode]
    INVALID_ROUTE: _ClassVar[ErrorCode]
    NO_ROUTE: _ClassVar[ErrorCode]
    QUEUE_FULL: _ClassVar[ErrorCode]
    UNREACHABLE: _ClassVar[ErrorCode]
    SERVICE_NOT_FOUND: _ClassVar[ErrorCode]
    RESOURCE_NOT_FOUND: _ClassVar[ErrorCode]
    FAIL: _ClassVar[ErrorCode]
ROUTE_SCOPE_CLIENT: RouteScope
ROUTE_SCOPE_IN_NODE: RouteScope
ROUTE_SCOPE_IN_CLUSTER: RouteScope
ROUTE_SCOPE_IN_REGION: RouteScope
ROUTE_SCOPE_GLOBAL: RouteScope
SWBUSD_GET_ROUTES: ManagementRequestType
HAMGRD_GET_ACTOR_STATE: ManagementRequestType
SWBUSD_RESOLVE_PEER_SP: ManagementRequestType
UNKNOWN_ERROR: ErrorCode
OK: ErrorCode
CONNECTION_ERROR: ErrorCode
TIMEOUT: ErrorCode
INVALID_ARGS: ErrorCode
INVALID_DESTINATION: ErrorCode
INVALID_SOURCE: ErrorCode
INVALID_HEADER: ErrorCode
INVALID_PAYLOAD: ErrorCode
INVALID_ROUTE: ErrorCode
NO_ROUTE: ErrorCode
QUEUE_FULL: ErrorCode
UNREACHABLE: ErrorCode
SERVICE_NOT_FOUND: ErrorCode
RESOURCE_NOT_FOUND: ErrorCode
FAIL: ErrorCode

class SwbusMessage(_message.Message):
    __slots__ = ("header", "response", "route_announcement", "ping_request", "trace_route_request", "management_request", "data_request")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    ROUTE_ANNOUNCEMENT_FIELD_NUMBER: _ClassVar[int]
    PING_REQUEST_FIELD_NUMBER: _ClassVar[int]
    TRACE_ROUTE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    MANAGEMENT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    DATA_REQUEST_FIELD_NUMBER: _ClassVar[int]
    header: SwbusMessageHeader
    response: RequestResponse
    route_announcement: RouteEntries
    ping_request: PingRequest
    trace_route_request: TraceRouteRequest
    management_request: ManagementRequest
    data_request: DataRequest
    def __init__(self, header: _Optional[_Union[SwbusMessageHeader, _Mapping]] = ..., response: _Optional[_Union[RequestResponse, _Mapping]] = ..., route_announcement: _Optional[_Union[RouteEntries, _Mapping]] = ..., ping_request: _Optional[_Union[PingRequest, _Mapping]] = ..., trace_route_request: _Optional[_Union[TraceRouteRequest, _Mapping]] = ..., management_request: _Optional[_Union[ManagementRequest, _Mapping]] = ..., data_request: _Optional[_Union[DataRequest, _Mapping]] = ...) -> None: ...

class SwbusMessageHeader(_message.Message):
    __slots__ = ("version", "id", "flag", "ttl", "source", "destination")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    FLAG_FIELD_NUMBER: _ClassVar[int]
    TTL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_FIELD_NUMBER: _ClassVar[int]
    version: int
    id: int
    flag: int
    ttl: int
    source: ServicePath
    destination: ServicePath
    def __init__(self, version: _Optional[int] = ..., id: _Optional[int] = ..., flag: _Optional[int] = ..., ttl: _Optional[int] = ..., source: _Optional[_Union[ServicePath, _Mapping]] = ..., destination: _Optional[_Union[ServicePath, _Mapping]] = ...) -> None: ...

class ServicePath(_message.Message):
    __slots__ = ("region_id", "cluster_id", "node_id", "service_type", "service_id", "resource_type", "resource_id")
    REGION_ID_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    SERVICE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_TYPE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_ID_FIELD_NUMBER: _ClassVar[int]
    region_id: str
    cluster_id: str
    node_id: str
    service_type: str
    service_id: str
    resource_type: str
    resource_id: str
    def __init__(self, region_id: _Optional[str] = ..., cluster_id: _Optional[str] = ..., node_id: _Optional[str] = ..., service_type: _Optional[str] = ..., service_id: _Optional[str] = ..., resource_type: _Optional[str] = ..., resource_id: _Optional[str] = ...) -> None: ...

class RequestResponse(_message.Message):
    __slots__ = ("request_id", "error_code", "error_message", "route_entries", "management_query_result")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ROUTE_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    MANAGEMENT_QUERY_RESULT_FIELD_NUMBER: _ClassVar[int]
    request_id: int
    error_code: ErrorCode
    error_message: str
    route_entries: RouteEntries
    management_query_result: ManagementQueryResult
    def __init__(self, request_id: _Optional[int] = ..., error_code: _Optional[_Union[ErrorCode, str]] = ..., error_message: _Optional[str] = ..., route_entries: _Optional[_Union[RouteEntries, _Mapping]] = ..., management_query_result: _Optional[_Union[ManagementQueryResult, _Mapping]] = ...) -> None: ...

class RouteEntries(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[RouteEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[RouteEntry, _Mapping]]] = ...) -> None: ...

class RouteEntry(_message.Message):
    __slots__ = ("service_path", "nh_id", "nh_service_path", "route_scope", "hop_count")
    SERVICE_PATH_FIELD_NUMBER: _ClassVar[int]
    NH_ID_FIELD_NUMBER: _ClassVar[int]
    NH_SERVICE_PATH_FIELD_NUMBER: _ClassVar[int]
    ROUTE_SCOPE_FIELD_NUMBER: _ClassVar[int]
    HOP_COUNT_FIELD_NUMBER: _ClassVar[int]
    service_path: ServicePath
    nh_id: str
    nh_service_path: ServicePath
    route_scope: RouteScope
    hop_count: int
    def __init__(self, service_path: _Optional[_Union[ServicePath, _Mapping]] = ..., nh_id: _Optional[str] = ..., nh_service_path: _Optional[_Union[ServicePath, _Mapping]] = ..., route_scope: _Optional[_Union[RouteScope, str]] = ..., hop_count: _Optional[int] = ...) -> None: ...

class PingRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TraceRouteRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ManagementRequest(_message.Message):
    __slots__ = ("request", "arguments")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    request: ManagementRequestType
    arguments: _containers.RepeatedCompositeFieldContainer[ManagementRequestArg]
    def __init__(self, request: _Optional[_Union[ManagementRequestType, str]] = ..., arguments: _Optional[_Iterable[_Union[ManagementRequestArg, _Mapping]]] = ...) -> None: ...

class ManagementRequestArg(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ManagementQueryResult(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: str
    def __init__(self, value: _Optional[str] = ...) -> None: ...

class DataRequest(_message.Message):
    __slots__ = ("payload",)
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    def __init__(self, payload: _Optional[bytes] = ...) -> None: ...

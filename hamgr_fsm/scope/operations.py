"""Pending operations: what waits for the controller's approval, in the order in which it was asked.

Pure functions over a tuple. At most one operation of a type is open; an id is never used again and never renewed.

Source: switch-driven 7, dpu-driven 3, field-lessons I-12, I-18, LD-33.
"""

from collections.abc import Callable, Collection, Iterable

from attrs import frozen

from hamgr_fsm.vocabulary import OperationType


@frozen
class PendingOperation:
    """An operation that the controller has not approved yet; ``operation_id`` is a GUID in text."""

    operation_id: str
    type: OperationType


Operations = tuple[PendingOperation, ...]


def open_types(operations: Operations) -> frozenset[OperationType]:
    """The types of the operations that are open."""
    return frozenset(operation.type for operation in operations)


def raised(operations: Operations, types: Collection[OperationType], new_id: Callable[[], str]) -> Operations:
    """The operations with a new one for each of ``types`` that has none open, in the order of the enumeration."""
    missing = [type_ for type_ in OperationType if type_ in types and type_ not in open_types(operations)]
    return (*operations, *(PendingOperation(new_id(), type_) for type_ in missing))


def withdrawn(operations: Operations, types: Collection[OperationType]) -> Operations:
    """The operations without those of ``types``."""
    return tuple(operation for operation in operations if operation.type not in types)


def approved_types(operations: Operations, ids: Iterable[str]) -> tuple[OperationType, ...]:
    """The types of the open operations among ``ids``, in the order of ``ids``; unknown ids mean nothing."""
    by_id = {operation.operation_id: operation.type for operation in operations}
    return tuple(dict.fromkeys(by_id[id_] for id_ in ids if id_ in by_id))

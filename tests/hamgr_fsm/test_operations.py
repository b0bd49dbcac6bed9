"""Pending operations: at most one of a type, in the order of asking, under ids that are never renewed.

Source: dpu-driven 3, field-lessons I-12, I-18, LD-33.
"""

from hypothesis import given
from hypothesis import strategies as st

from hamgr_fsm.scope.operations import PendingOperation, approved_types, open_types, raised, withdrawn
from hamgr_fsm.vocabulary import OperationType
from tests.hamgr_fsm.build import ACTIVATE, RECONCILE, RECOVER, Ids

TYPES = st.frozensets(st.sampled_from(OperationType))


def test_each_type_that_is_asked_gets_an_operation_under_a_new_id() -> None:
    assert raised((), {ACTIVATE, RECOVER}, Ids()) == (
        PendingOperation("id-1", ACTIVATE),
        PendingOperation("id-2", RECOVER),
    )


def test_a_type_that_is_open_keeps_its_operation_and_its_place() -> None:
    open_ = (PendingOperation("old", RECOVER),)
    assert raised(open_, {ACTIVATE, RECOVER}, Ids()) == (*open_, PendingOperation("id-1", ACTIVATE))


def test_nothing_asked_takes_no_id() -> None:
    def no_more() -> str:
        raise AssertionError("an id was taken")

    open_ = (PendingOperation("old", RECOVER),)
    assert raised(open_, {RECOVER}, no_more) == open_
    assert raised((), set(), no_more) == ()


def test_withdrawing_leaves_the_others_in_their_order() -> None:
    operations = raised((), {ACTIVATE, RECONCILE, RECOVER}, Ids())
    assert [operation.type for operation in withdrawn(operations, {RECONCILE})] == [ACTIVATE, RECOVER]


def test_approvals_come_in_the_order_of_the_controller_and_unknown_ids_mean_nothing() -> None:
    operations = raised((), {ACTIVATE, RECONCILE, RECOVER}, Ids())
    assert approved_types(operations, ("id-3", "stale", "id-1", "id-3")) == (RECOVER, ACTIVATE)
    assert approved_types(operations, ()) == ()


def test_ld33_all_approved_operations_count_and_the_list_is_ordered() -> None:
    operations = raised((), {RECOVER}, Ids())
    operations = raised(operations, {ACTIVATE, RECONCILE, RECOVER}, iter(["x", "y"]).__next__)
    assert operations == (
        PendingOperation("id-1", RECOVER),
        PendingOperation("x", ACTIVATE),
        PendingOperation("y", RECONCILE),
    )
    assert set(approved_types(operations, ("x", "y", "id-1"))) == {ACTIVATE, RECONCILE, RECOVER}


@given(st.lists(st.tuples(st.booleans(), TYPES), max_size=20))
def test_lists_hold_each_type_once_and_each_id_once_for_ever(
    steps: list[tuple[bool, frozenset[OperationType]]],
) -> None:
    ids = Ids()
    operations: tuple[PendingOperation, ...] = ()
    known: dict[str, OperationType] = {}
    gone: set[str] = set()
    for adds, types in steps:
        before = operations
        operations = raised(before, types, ids) if adds else withdrawn(before, types)
        expected = open_types(before) | types if adds else open_types(before) - types
        assert open_types(operations) == expected
        assert len(operations) == len(expected)
        gone |= {o.operation_id for o in before} - {o.operation_id for o in operations}
        for operation in operations:
            assert operation.operation_id not in gone
            assert known.setdefault(operation.operation_id, operation.type) is operation.type
        kept = [operation for operation in before if operation in operations]
        assert list(operations[: len(kept)]) == kept

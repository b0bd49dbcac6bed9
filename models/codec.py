"""The one codec between records and the hash fields of Redis.

How a field is read and written follows from its declared type alone: see ``models.quantities`` for the marks that a
type may carry. A plan for each record class is made once, on first use. A row that has one value that cannot be read
is rejected as a whole, so that nobody ever acts on half of a row; the caller keeps the row it had before.

Source: tables 2.23, 2.24.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin

from attrs import NOTHING, fields_dict, frozen, has
from cattrs import Converter

from hamgr_fsm.vocabulary import PinState, PlaneState
from models import readers
from models.quantities import Mac, PointInTime, Range, Words
from models.readers import Raw, Unreadable
from models.table import Table

RecordT = TypeVar("RecordT")

Reader: TypeAlias = Callable[[Any, Any], Any]
"""A cattrs hook: (value, declared type) to the value of the record, or None when nothing was said."""

Preparation: TypeAlias = Callable[[Mapping[str, bytes | str], bool], Mapping[str, Raw]]
"""Turns the hash of a table with encodings of its own into plain fields; the flag: the row was accepted before."""

ALSO_NAMED = "also_named"
"""Field metadata: older names of a field, read when the field itself is absent."""

_ONE_SHOT = "one_shot"
ONE_SHOT: Mapping[str, bool] = {_ONE_SHOT: True}
"""Field metadata: a request, not a state. It is true in one write and false in the next, and never sent again."""

SHOWN = 80
"""So many characters of a bad value are kept for the operator."""


@frozen(eq=False)
class BadRow(Exception):  # noqa: N818  (the operator's word for it)
    """A row that is rejected as a whole: whose it is, and what is wrong with it.

    ``field`` is ``(key)`` when the key itself is wrong. ``value`` is printable and cut to about 80 characters.
    """

    table: str
    key: str
    field: str
    value: str
    why: str

    def __str__(self) -> str:
        return f'{self.table} {self.key!a}: {self.field}="{self.value}": {self.why}'


def decode(table: Table[RecordT], key: str, fields: Mapping[str, bytes | str], *, known: bool = False) -> RecordT:
    """One row of a table as its record.

    ``known``: a row with this key was accepted before; matters only for a scope configuration that is an empty
    message (tables 3.1). Unknown fields are ignored. Values may also be texts, as in rows of our own. Raises
    ``BadRow`` and nothing else, whatever the bytes are.
    """
    return decode_record(table.record, table.name, key, fields, known=known)


def decode_record(
    record: type[RecordT], table: str, key: str, fields: Mapping[str, bytes | str], *, known: bool = False
) -> RecordT:
    """Like ``decode``, for modules that the declarations of the tables themselves depend on."""
    prepare = _PREPARATIONS.get(record)
    try:
        plain: Mapping[str, Raw] = fields if prepare is None else prepare(fields, known)
        return _CONVERTER.structure(plain, record)
    except Unreadable as error:
        raise bad_row(table, key, error.field, error.value, error.why) from error


def encode(record: Any) -> dict[str, str]:
    """The hash fields of a record in the order of their declaration; fields without a value are left out."""
    fields: dict[str, str] = _CONVERTER.unstructure(record)
    return fields


@cache
def one_shot_fields(table: Table[Any]) -> frozenset[str]:
    """The fields of a table that are requests: whoever repeats a row after a restart must not repeat these."""
    return frozenset(name for name, each in fields_dict(table.record).items() if each.metadata.get(_ONE_SHOT))


def bad_row(table: str, key: str, field: str, value: object, why: str) -> BadRow:
    """A ``BadRow`` whose value is fit to be printed."""
    shown = value[: SHOWN * 2].decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in shown[: SHOWN + 1])
    return BadRow(table, key, field, shown if len(shown) <= SHOWN else shown[: SHOWN - 3] + "...", why)


def prepared_by(preparation: Preparation) -> Callable[[type[RecordT]], type[RecordT]]:
    """Class decorator for records whose rows do not arrive as plain fields."""

    def register(record: type[RecordT]) -> type[RecordT]:
        _PREPARATIONS[record] = preparation
        return record

    return register


_PREPARATIONS: dict[type[Any], Preparation] = {}


@frozen
class _FieldPlan:
    """How one field of a record is found and read."""

    name: str
    wire_names: tuple[str, ...]
    declared: Any
    read: Reader
    is_list: bool
    required: bool

    def value(self, fields: Mapping[str, Raw]) -> Any:
        """The value of this field, None if no spelling of its name says anything."""
        for name in self.wire_names:
            raw = fields.get(name)
            if raw is not None and (value := self._one(raw)) is not None:
                return value
        if self.required:
            raise Unreadable("required field is missing", self.name)
        return None

    def _one(self, raw: Raw) -> Any:
        try:
            if self.is_list:
                return self.read(raw, self.declared) or (None if self.required else ())
            word = readers.scalar(raw)
            return None if readers.says_nothing(word) else self.read(word, self.declared)
        except Unreadable as error:
            raise Unreadable(error.why, self.name, raw) from error


def _field_plans(record: type[Any], converter: Converter) -> list[_FieldPlan]:
    plans = []
    for name, attribute in fields_dict(record).items():
        declared = _without_none(attribute.type)
        names = (name, *attribute.metadata.get(ALSO_NAMED, ()))
        plans.append(
            _FieldPlan(
                name=name,
                # A list that a configuration tool stored as a leaf-list has an "@" behind its name (tables 2.5).
                wire_names=tuple(spelling for each in names for spelling in (each, each + "@")),
                declared=declared,
                read=converter.get_structure_hook(declared),
                is_list=_is_list(declared),
                required=attribute.default is NOTHING,
            )
        )
    return plans


def _record_reader(record: type[Any], converter: Converter) -> Reader:
    plans = _field_plans(record, converter)

    def read(fields: Mapping[str, Raw], _: Any) -> Any:
        values = {plan.name: value for plan in plans if (value := plan.value(fields)) is not None}
        return record(**values)

    return read


def _record_writer(record: type[Any], converter: Converter) -> Callable[[Any], dict[str, str]]:
    types = {name: _without_none(attribute.type) for name, attribute in fields_dict(record).items()}
    writers = [(name, _writer(declared, converter)) for name, declared in types.items()]
    # Of a single name attrgetter yields the value itself, and of none there is no attrgetter.
    values: Callable[[Any], tuple[Any, ...]]
    values = attrgetter(*types) if len(types) > 1 else lambda instance: tuple(getattr(instance, name) for name in types)

    def write(instance: Any) -> dict[str, str]:
        return {
            name: value if write_one is None else write_one(value)
            for (name, write_one), value in zip(writers, values(instance), strict=True)
            if value is not None
        }

    return write


def _writer(declared: Any, converter: Converter) -> Callable[[Any], str] | None:
    """How a value becomes text; None: it is text already."""
    return None if declared is str else converter.get_unstructure_hook(declared)


@lru_cache(maxsize=4096, typed=True)
def _text(value: object) -> str:
    """The same few addresses, times and numbers are in the rows of all scopes of a DPU: they share the text as well."""
    return str(value)


def _list_reader(declared: Any, converter: Converter) -> Reader:
    item_type = get_args(declared)[0]
    read_item = converter.get_structure_hook(item_type)
    # In a list of pins the place of an item is its meaning, so that an empty item is a pin that is not set.
    keep_places = item_type is PinState

    def read(raw: Raw, _: Any) -> tuple[Any, ...]:
        words = readers.items(raw)
        if keep_places:
            return tuple(read_item(word or PinState.NONE, item_type) for word in words)
        return tuple(read_item(word, item_type) for word in words if not readers.says_nothing(word))

    return read


def _list_writer(declared: Any, converter: Converter) -> Callable[[Any], str]:
    write_item = converter.get_unstructure_hook(get_args(declared)[0])
    return lambda values: ",".join(write_item(value) for value in values)


def _marked_reader(declared: Any, _: Converter) -> Reader:
    mark = get_args(declared)[1]
    match mark:
        case Range():
            return lambda word, _: readers.number(word, mark)
        case PointInTime():
            return lambda word, _: readers.point_in_time(word)
        case Mac():
            return lambda word, _: readers.mac(word)
        case Words():
            meanings = {mark.true: True, mark.false: False, "unknown": None}
            return lambda word, _: meanings[word.lower()] if word.lower() in meanings else readers.truth(word)
    raise TypeError(f"no reader for {declared}")


def _marked_writer(declared: Any, _: Converter) -> Callable[[Any], str]:
    mark = get_args(declared)[1]
    if isinstance(mark, Words):
        return lambda value: mark.true if value else mark.false
    return _text


def _plane_state(word: str, _: Any) -> PlaneState:
    """Anything that is neither up nor down is unknown: the health of a plane never costs the row (tables 2.11)."""
    lower = word.lower()
    return PlaneState(lower) if lower in (PlaneState.UP, PlaneState.DOWN) else PlaneState.UNKNOWN


def _without_none(declared: Any) -> Any:
    """The type of a field when it has a value."""
    if get_origin(declared) not in (Union, UnionType):
        return declared
    kinds = tuple(kind for kind in get_args(declared) if kind is not NoneType)
    return kinds[0] if len(kinds) == 1 else Union[kinds]  # noqa: UP007  (built at run time)


def _is_list(declared: Any) -> bool:
    return get_origin(declared) is tuple


def _is_marked(declared: Any) -> bool:
    return get_origin(declared) is Annotated


def _is_address(declared: Any) -> bool:
    return get_origin(declared) in (Union, UnionType) and set(get_args(declared)) == {IPv4Address, IPv6Address}


def _is_record(declared: Any) -> bool:
    return isinstance(declared, type) and has(declared)


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(str, lambda word, _: word)
    converter.register_structure_hook(bool, lambda word, _: readers.truth(word))
    converter.register_structure_hook(IPv4Address, lambda word, _: readers.address_v4(word))
    converter.register_structure_hook(IPv6Address, lambda word, _: readers.address_v6(word))
    converter.register_structure_hook_func(_is_address, lambda word, _: readers.address(word))
    converter.register_structure_hook(StrEnum, readers.member)
    converter.register_structure_hook(PlaneState, _plane_state)
    converter.register_structure_hook_factory(_is_list, _list_reader)
    converter.register_structure_hook_factory(_is_marked, _marked_reader)
    converter.register_structure_hook_factory(_is_record, _record_reader)
    converter.register_unstructure_hook_func(_is_address, _text)
    for address in (IPv4Address, IPv6Address):
        converter.register_unstructure_hook(address, _text)
    for plain in (str, StrEnum):
        converter.register_unstructure_hook(plain, str)
    converter.register_unstructure_hook(bool, lambda value: "true" if value else "false")
    converter.register_unstructure_hook_factory(_is_list, _list_writer)
    converter.register_unstructure_hook_factory(_is_marked, _marked_writer)
    converter.register_unstructure_hook_factory(_is_record, _record_writer)
    return converter


_CONVERTER = _make_converter()

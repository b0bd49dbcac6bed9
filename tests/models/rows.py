"""Hashes as Redis gives them, and records made at random, for the tests of this package."""

from collections.abc import Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

import attrs
from hypothesis import strategies as st

from models import readers
from models.controller import HaSetConfigRow
from models.quantities import Mac, PointInTime, Range


def redis_hash(fields: Mapping[str, object] | None = None, **more: object) -> dict[str, bytes]:
    """The fields as a client without decoding returns them."""
    return {name: str(value).encode() for name, value in {**(fields or {}), **more}.items()}


def records(record: type[Any]) -> st.SearchStrategy[Any]:
    """Any record of a class whose texts a writer would write."""
    values = {
        field.name: _values(field.type, required=field.default is attrs.NOTHING) for field in attrs.fields(record)
    }
    built = st.builds(record, **values)
    return built.map(_with_possible_pins) if record is HaSetConfigRow else built


def texts() -> st.SearchStrategy[str]:
    """Texts that mean themselves: no blanks or quotes around them, no comma, and not the word for nothing."""
    return st.text(st.characters(codec="utf-8", exclude_characters=",[]'\""), min_size=1, max_size=20).filter(
        lambda text: readers.scalar(text) == text and not readers.says_nothing(text)
    )


def _values(declared: Any, *, required: bool = False) -> st.SearchStrategy[Any]:
    kinds = get_args(declared)
    if NoneType in kinds:
        return st.none() | st.one_of([_values(kind) for kind in kinds if kind is not NoneType])
    if get_origin(declared) is tuple:
        return st.lists(_values(kinds[0]), min_size=1 if required else 0, max_size=3, unique=kinds[0] is str).map(tuple)
    if get_origin(declared) is Annotated:
        return _numbers(kinds[1])
    if kinds:
        return st.one_of([_values(kind) for kind in kinds])
    if issubclass(declared, StrEnum):
        return st.sampled_from(list(declared))
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: texts(),
        bool: st.booleans(),
        IPv4Address: st.ip_addresses(v=4),
        IPv6Address: st.ip_addresses(v=6),
    }
    return plain[declared]


def _numbers(mark: object) -> st.SearchStrategy[Any]:
    if isinstance(mark, Range):
        return st.integers(mark.low, mark.high)
    if isinstance(mark, PointInTime):
        return st.integers(readers.SECONDS_BELOW, 10**15)
    if isinstance(mark, Mac):
        return st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex(":").upper())
    return st.booleans()


def _with_possible_pins(row: HaSetConfigRow) -> HaSetConfigRow:
    """A decoded set never has more pins than vDPUs."""
    return attrs.evolve(row, pinned_vdpu_bfd_probe_states=row.pinned_vdpu_bfd_probe_states[: len(row.vdpu_ids)])

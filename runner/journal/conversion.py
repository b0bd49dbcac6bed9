"""Inputs and outputs as plain JSON values and back.

It follows from the declared types alone, so a new kind of input or output, or a new field of one, needs nothing here.
The kind is in the member ``is``, which no record can have as a field. A mapping whose keys are tuples becomes a list;
bytes become text that reads like what they are where they are UTF-8 and can be turned back whatever they are; an
exception becomes its words.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, get_args, get_origin

from cattrs import Converter
from cattrs.strategies import configure_tagged_union

from runner.inputs import Input, Single
from runner.outputs import Output


class BadRecord(ValueError):  # noqa: N818  (what is wrong with what was read)
    """What was read is nothing that a journal holds."""


Json: TypeAlias = Any
"""What ``json`` reads and writes."""

JsonObject: TypeAlias = dict[str, Json]

KIND = "is"


class RecordedError(Exception):
    """An exception as a journal knows it: by its words."""


def words_of(error: BaseException) -> str:
    """What a journal keeps of an exception."""
    return str(error) if isinstance(error, RecordedError) else f"{type(error).__name__}: {error}"


def compact(value: Json) -> str:
    """JSON text in one line of ASCII; members stay in their order."""
    return json.dumps(value, separators=(",", ":"))


def _is_keyed_by_tuples(kind: Any) -> bool:
    arguments = get_args(kind)
    return get_origin(kind) in (Mapping, dict) and get_origin(arguments[0]) is tuple


def _listing(kind: Any, converter: Converter) -> Callable[[Any], Json]:
    keys, values = get_args(kind)

    def unstructure(mapping: Mapping[tuple[Any, ...], Any]) -> Json:
        return [
            [*converter.unstructure(key, unstructure_as=keys), converter.unstructure(value, unstructure_as=values)]
            for key, value in mapping.items()
        ]

    return unstructure


def _from_listing(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    keys, values = get_args(kind)
    return lambda listed, _: {
        converter.structure(each[:-1], keys): converter.structure(each[-1], values) for each in listed
    }


def _is_set(kind: Any) -> bool:
    return get_origin(kind) in (set, frozenset)


def _sorted_members(kind: Any, converter: Converter) -> Callable[[Any], Json]:
    """A set has no order of its own: the one in which Python happens to hold it must not get into a file."""
    return lambda members: sorted(converter.unstructure(member, unstructure_as=get_args(kind)[0]) for member in members)


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False, forbid_extra_keys=True)
    converter.register_unstructure_hook(bytes, lambda value: value.decode("utf-8", "surrogateescape"))
    converter.register_structure_hook(bytes, lambda text, _: text.encode("utf-8", "surrogateescape"))
    converter.register_unstructure_hook(BaseException, words_of)
    converter.register_structure_hook(BaseException, lambda text, _: RecordedError(text))
    converter.register_unstructure_hook_factory(_is_keyed_by_tuples, _listing)
    converter.register_structure_hook_factory(_is_keyed_by_tuples, _from_listing)
    converter.register_unstructure_hook_factory(_is_set, _sorted_members)
    # First what stands in a burst: whoever reads a burst has to know already how that is read.
    configure_tagged_union(Single, converter, tag_name=KIND)
    configure_tagged_union(Input, converter, tag_name=KIND)
    configure_tagged_union(Output, converter, tag_name=KIND)
    return converter


CONVERTER = _make_converter()

_input_out = CONVERTER.get_unstructure_hook(Input)
_output_out = CONVERTER.get_unstructure_hook(Output)


def input_to_json(happened: Input) -> JsonObject:
    """An input as a JSON object that begins with its kind."""
    return _kind_first(_input_out(happened))


def output_to_json(output: Output) -> JsonObject:
    """An output as a JSON object that begins with its kind."""
    return _kind_first(_output_out(output))


def input_from_json(value: Json) -> Input:
    """The input that the object was made of.

    Raises:
        BadRecord: it is none.
    """
    happened: Input = _read(value, Input, "input")
    return happened


def output_from_json(value: Json) -> Output:
    """The output that the object was made of.

    Raises:
        BadRecord: it is none.
    """
    output: Output = _read(value, Output, "output")
    return output


_KINDS = {union: frozenset(kind.__name__ for kind in get_args(union)) for union in (Input, Output)}


def _read(value: Json, union: Any, what: str) -> Any:
    if not isinstance(value, dict) or not isinstance(kind := value.get(KIND), str):
        raise BadRecord(f"{what} that does not say what it is")
    if kind not in _KINDS[union]:
        raise BadRecord(f"unknown {what} {kind}")
    try:
        return CONVERTER.structure(value, union)
    except Exception as error:
        raise BadRecord(f"{what} {kind}: {words_of(error)}") from error


def _kind_first(value: JsonObject) -> JsonObject:
    return {KIND: value.pop(KIND), **value}

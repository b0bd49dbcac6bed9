"""What an entity heard, wants and said, as the text that a command-line client shows.

The members and their names are those of the reference daemon, so that its client shows them; ``truncated`` is ours. A
report goes to several entities under one key: what went to a scope has the plain key, else the addressee stands behind
it.

Source: bus 5.6; weakness 21.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
from attrs import frozen

from models.service_path import ServicePath
from models.swbus import MAX_SENT_BYTES, DataRequest, ErrorCode
from runner.bus.inbox import SCOPE, Received, key_of
from runner.bus.outbox import Sent

MAX_CHARACTERS = MAX_SENT_BYTES - 16 * 1024
"""The longest dump; the rest of a frame is for its paths."""

_NOTE_CHARACTERS = 200


@frozen
class WantedRow:
    """A row that the entity wants to be in a table."""

    table: str
    key: str
    fields: Mapping[str, str]


def state_dump(
    own_node: ServicePath,
    received: Iterable[Received],
    wanted: Iterable[WantedRow],
    sent: Iterable[Sent],
    *,
    node_of: Callable[[str], ServicePath | None],
    unix_ms_of: Callable[[int], int],
    max_characters: int = MAX_CHARACTERS,
) -> str:
    """JSON text in ASCII of at most so many characters.

    ``node_of`` gives the node of a neighbour, None while it is not known; ``unix_ms_of`` turns a time of the outbox's
    clock into milliseconds since 1970. When the text would be too long, the longest entries are left out, and
    ``truncated`` says how many.
    """
    in_order = sorted(sent, key=lambda one: one.place)
    queued = (_queued(one, own_node, node_of, unix_ms_of) for one in in_order if one.last_sent_ms is None)
    sections: dict[str, dict[Any, Any]] = {
        "incoming": dict(map(_incoming, sorted(received, key=lambda one: one.last_ms))),
        "internal": {f"{row.table}|{row.key}": _internal(row) for row in wanted},
        "outgoing_queued": dict(enumerate(queued)),
        "outgoing_sent": {_label(one): _sent(one, unix_ms_of) for one in in_order},
    }
    text = _text(sections)
    if len(text) <= max_characters:
        return text
    left_out = _shorten(sections, len(text) - max_characters + _NOTE_CHARACTERS)
    return _text(sections, f"{left_out} entries left out: more than {max_characters} characters")


def _text(sections: Mapping[str, dict[Any, Any]], truncated: str | None = None) -> str:
    dump: dict[str, Any] = {
        "incoming": sections["incoming"],
        "internal": sections["internal"],
        "outgoing": {
            "outgoing_queued": list(sections["outgoing_queued"].values()),
            "outgoing_sent": sections["outgoing_sent"],
        },
    }
    if truncated is not None:
        dump["truncated"] = truncated
    return json.dumps(dump, separators=(",", ":"))


def _shorten(sections: Mapping[str, dict[Any, Any]], excess: int) -> int:
    """Leave out the longest entries until so many characters are saved; returns how many entries that were."""
    entries = [
        (len(json.dumps({name: entry}, separators=(",", ":"))) - len("{}"), section, name)
        for section, entries in sections.items()
        for name, entry in entries.items()
    ]
    left_out = 0
    for length, section, name in sorted(entries, key=lambda entry: -entry[0]):
        if excess <= 0:
            break
        del sections[section][name]
        # In a list an entry has no name.
        excess -= length if section != "outgoing_queued" else length - len(f'"{name}":')
        left_out += 1
    return left_out


def _incoming(received: Received) -> tuple[str, dict[str, Any]]:
    assert received.message is not None
    assert isinstance(received.message.body, DataRequest)
    verdict = received.verdict
    return key_of(received.message.body.payload), {
        "msg": json.loads(received.message.body.payload),
        "source": attrs.asdict(received.message.header.source),
        "request_id": received.message.header.id,
        "version": received.version,
        "created_time": received.first_ms // 1000,
        "last_updated_time": received.last_ms // 1000,
        "response": _response(verdict.code, verdict.error_message),
        "acked": True,
    }


def _internal(row: WantedRow) -> dict[str, Any]:
    return {
        "swss_table_name": row.table,
        "swss_key": row.key,
        "fvs": dict(row.fields),
        "mutated": False,
        "to_delete": False,
        "backup_fvs": dict(row.fields),
        "last_updated_time": None,
    }


def _queued(
    sent: Sent,
    own_node: ServicePath,
    node_of: Callable[[str], ServicePath | None],
    unix_ms_of: Callable[[int], int],
) -> dict[str, Any]:
    posted_ms = unix_ms_of(sent.posted_ms)
    header = sent.message.framed(own_node, node_of(sent.message.neighbour) or ServicePath()).header
    return {
        "actor_message": json.loads(sent.message.payload),
        "swbus_message": {
            "header": {
                "version": header.version,
                "flag": header.flag,
                "ttl": header.ttl,
                "source": header.source.longest,
                "destination": header.destination.longest,
            },
            "body": {"DataRequest": {"payload": list(sent.message.payload.encode())}},
        },
        "time_sent": {"secs_since_epoch": posted_ms // 1000, "nanos_since_epoch": posted_ms % 1000 * 1_000_000},
    }


def _sent(sent: Sent, unix_ms_of: Callable[[int], int]) -> dict[str, Any]:
    response = None if sent.response is None else _response(*sent.response)
    return {
        "msg": json.loads(sent.message.payload),
        "id": sent.message.id,
        "created_time": unix_ms_of(sent.first_posted_ms) // 1000,
        "last_updated_time": unix_ms_of(sent.posted_ms) // 1000,
        "last_sent_time": 0 if sent.last_sent_ms is None else unix_ms_of(sent.last_sent_ms) // 1000,
        "version": sent.version,
        "acked": sent.acked,
        "response": response,
        "response_source": None if sent.response_source is None else attrs.asdict(sent.response_source),
    }


def _label(sent: Sent) -> str:
    message = sent.message
    to_a_scope = message.destination.startswith(f"{SCOPE}/")
    return message.key if to_a_scope else f"{message.key} to {message.destination}"


def _response(code: ErrorCode, words: str) -> str:
    if code is ErrorCode.OK:
        return "Ok"
    return f"{int(code)} {code.name}: {words}" if words else f"{int(code)} {code.name}"

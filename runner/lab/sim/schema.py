"""The JSON schema of scenario files, made from the declarations of verbs and conditions.

``docs/scenario.schema.json`` is this schema, written out.
"""

from typing import Any

from runner.lab.sim.conditions import SCHEMA as CONDITION
from runner.lab.sim.situations import SITUATIONS
from runner.lab.sim.verbs import VERBS, record

_SECONDS = {"type": "number", "minimum": 0}


def schema() -> dict[str, Any]:
    """The schema of a scenario file."""
    verbs = [
        {
            "type": "object",
            "description": verb.what,
            "properties": {name: verb.schema},
            "required": [name],
            "additionalProperties": False,
        }
        for name, verb in VERBS.items()
    ]
    expect = record(
        {"expect": {"$ref": "#/$defs/condition"}},
        {
            "within": {**_SECONDS, "description": "It becomes so within so many seconds; 150 if not said."},
            "for": {**_SECONDS, "description": "And stays so for so many seconds."},
        },
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of an HA pair",
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "source": {"type": "string", "description": "Where the scenario comes from."},
            "owner": {"enum": ["switch", "dpu"], "description": "Who drives the pair; switch if not said."},
            "start": {"enum": list(SITUATIONS), "description": "The situation to start from; p if not said."},
            "seeds": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "approves_ms": {"type": "integer", "description": "A controller that approves everything after so long."},
            "steps": {"type": "array", "items": {"anyOf": [expect, *verbs]}},
            "always": {"type": "array", "items": {"$ref": "#/$defs/condition"}},
            "never": {"type": "array", "items": {"$ref": "#/$defs/condition"}},
            "eventually": {"$ref": "#/$defs/condition"},
            "schedule": {"$ref": "#/$defs/schedule"},
        },
        "required": ["name"],
        "oneOf": [{"required": ["steps"]}, {"required": ["schedule"]}],
        "additionalProperties": False,
        "$defs": {"condition": CONDITION, "schedule": _schedule()},
    }


def _schedule() -> dict[str, Any]:
    step = {
        "type": "object",
        "properties": {who: {"type": "string"} for who in ("A", "B", "world")},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {
        "description": "The exact order of a counterexample of hamgr check.",
        **record(
            {"rules": {"type": "string"}, "from": {"type": "string"}, "steps": {"type": "array", "items": step}},
            {"shows": record({"invariant": {"type": "string"}, "what": {"type": "string"}})},
        ),
    }

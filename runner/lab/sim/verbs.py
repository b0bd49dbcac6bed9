"""The verbs of scenario files: what each may say, and what it does to a lab.

A verb is declared once: its arguments as a piece of JSON schema, and the function that does it. The published schema is
made from these declarations.

Source: scenarios 0.2.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from hamgr_fsm.vocabulary import DesiredHaState, HaRole, OperationType, PinState, PlaneState
from runner.lab.dpu_roles import Acks, SyncEnd
from runner.lab.lab import Lab
from runner.lab.network import Conditions

Arguments = Any
SIDE = {"enum": ["A", "B", "C"]}
UP_OR_DOWN = {"enum": ["up", "down"]}


@frozen
class Verb:
    """What a step of a file may be."""

    what: str
    schema: Mapping[str, Any]
    does: Callable[[Lab, Arguments], object]


def record(required: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _scope(lab: Lab, said: Arguments) -> None:
    changes = {key: value for key, value in said.items() if key != "side"}
    lab.scope(said["side"], **changes)


def _set(lab: Lab, said: Arguments) -> None:
    lab.set(*said.get("at", ()), **{key: value for key, value in said.items() if key != "at"})


def _network(lab: Lab, said: Arguments) -> None:
    loses = set(said.get("loses", ()))
    lab.network.conditions = Conditions(**{k: v for k, v in said.items() if k != "loses"}, loses=loses)


def _acks(lab: Lab, said: Arguments) -> None:
    wrong = HaRole(said["wrong"]) if "wrong" in said else None
    lab.acks(said["side"], Acks[said["how"].upper()], wrong)


def _repair(lab: Lab) -> None:
    for name in lab.pair:
        if not lab[name].dpu.powered:
            lab.on(name)


_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_MS = {"type": "integer", "minimum": 0}
_PLANE = {"enum": [state.value for state in PlaneState]}
_PINS = {"type": "array", "items": {"enum": [pin.value for pin in PinState]}}

VERBS: dict[str, Verb] = {
    "wait": Verb("Let so many seconds pass.", {"type": "number", "minimum": 0}, lambda lab, s: lab.run(s)),
    "scope": Verb(
        "Write the whole scope of a side; what is not named keeps its value.",
        record(
            {"side": SIDE},
            {
                "desired": {"enum": [state.value for state in DesiredHaState]},
                "disabled": {"type": "boolean"},
                "version": {"type": "string"},
            },
        ),
        _scope,
    ),
    "approve": Verb(
        "Wait until the scope of a side lists an operation of a type, and approve it.",
        record({"side": SIDE, "type": {"enum": [kind.value for kind in OperationType]}}),
        lambda lab, s: lab.approve(s["side"], s["type"]),
    ),
    "approve_id": Verb(
        "Approve an id, whatever it is.",
        record({"side": SIDE, "id": {"type": "string"}}),
        lambda lab, s: lab.approve_id(s["side"], s["id"]),
    ),
    "set": Verb(
        "Write the HA set, on both switches or on those named.",
        record({}, {"at": {"type": "array", "items": SIDE}, "version": {"type": "string"}}),
        _set,
    ),
    "pins": Verb(
        "Pin the BFD probes of the vDPUs, in their order.",
        _PINS,
        lambda lab, s: lab.pins(*(PinState(pin) for pin in s)),
    ),
    "delscope": Verb("Delete the scope of a side.", SIDE, lambda lab, s: lab.delscope(s)),
    "delset": Verb(
        "Delete the HA set on these switches.", {"type": "array", "items": SIDE}, lambda lab, s: lab.delset(*s)
    ),
    "pmon": Verb(
        "The platform reports the planes of a DPU so; without planes its row is gone.",
        record({"side": SIDE}, {"planes": {"type": "array", "items": _PLANE, "minItems": 3, "maxItems": 3}}),
        lambda lab, s: lab.pmon(s["side"], *s.get("planes", ())),
    ),
    "chan": Verb(
        "The DPUs, all or those named, report the data plane channel so.",
        {"anyOf": [UP_OR_DOWN, record({"is": UP_OR_DOWN, "at": {"type": "array", "items": SIDE}})]},
        lambda lab, s: lab.chan(s == "up") if isinstance(s, str) else lab.chan(s["is"] == "up", *s["at"]),
    ),
    "bfd": Verb(
        "Only the sessions of these sides' switches with the DPU of a side are up.",
        record({"side": SIDE, "sessions": {"type": "array", "items": SIDE}}),
        lambda lab, s: lab.bfd(s["side"], *s["sessions"]),
    ),
    "acks": Verb(
        "From now on a DPU answers role writes so.",
        record(
            {"side": SIDE, "how": {"enum": [how.name.lower() for how in Acks]}},
            {"wrong": {"enum": [role.value for role in HaRole]}},
        ),
        _acks,
    ),
    "sync": Verb(
        "Flow sync sessions that a side starts end so.",
        record({"side": SIDE, "how": {"enum": [how.name.lower() for how in SyncEnd]}}),
        lambda lab, s: lab.sync(s["side"], SyncEnd[s["how"].upper()]),
    ),
    "link": Verb("Cut or mend the control link.", UP_OR_DOWN, lambda lab, s: lab.set_link(s == "up")),
    "network": Verb(
        "What the control link does to messages from now on.",
        record(
            {},
            {
                "delay_ms": _MS,
                "jitter_ms": _MS,
                "loss": _PROBABILITY,
                "repetition": _PROBABILITY,
                "reordering": _PROBABILITY,
                "loses": {"type": "array", "items": {"type": "string"}},
            },
        ),
        _network,
    ),
    "kill": Verb("End the daemon of a side at once.", SIDE, lambda lab, s: lab.kill(s)),
    "start": Verb("Start the daemon of a side again.", SIDE, lambda lab, s: lab.start(s)),
    "crash": Verb(
        "The daemon of a side dies before it brings out so many things more, and is started again.",
        record({"side": SIDE, "before": {"type": "integer", "minimum": 0}}),
        lambda lab, s: lab.crash_before(s["side"], s["before"]),
    ),
    "power_off": Verb("The DPU of a side loses power.", SIDE, lambda lab, s: lab.off(s)),
    "power_on": Verb("The DPU of a side comes back, empty.", SIDE, lambda lab, s: lab.on(s)),
    "repair": Verb("Every DPU that is off comes back.", {"const": "everything"}, lambda lab, s: _repair(lab)),
    "crash_dpu": Verb("A process of the DPU of a side dies.", SIDE, lambda lab, s: lab.crash_dpu(s)),
    "flush_dpu": Verb(
        "The orchagent of a DPU restarts faster than anybody reports.", SIDE, lambda lab, s: lab.flush_dpu(s)
    ),
    "link_dead": Verb("The data port of the DPU of a side is dead.", SIDE, lambda lab, s: lab.link_dead(s)),
    "probe_lost": Verb(
        "Only the BFD session between one switch and the DPU of a side fails.",
        record({"side": SIDE, "switch": SIDE}),
        lambda lab, s: lab.probe_lost(s["side"], s["switch"]),
    ),
    "isolate": Verb("The switch of a side loses every neighbour.", SIDE, lambda lab, s: lab.isolate(s)),
    "tsa": Verb("The switch of a side is taken out of service.", SIDE, lambda lab, s: lab.tsa(s)),
    "reboot": Verb("The switch of a side goes down with its DPU.", SIDE, lambda lab, s: lab.reboot(s)),
    "come_back": Verb("A rebooted switch is there again.", SIDE, lambda lab, s: lab.come_back(s)),
    "heal": Verb("Whatever was cut works again.", {"const": "everything"}, lambda lab, s: lab.heal()),
    "restore": Verb("Take a side down by force and bring it up again.", SIDE, lambda lab, s: lab.restore(s)),
    "switch_over": Verb("A planned switchover to a side.", SIDE, lambda lab, s: lab.switch_over(s)),
    "enable": Verb("From Z1 to the pair.", {"const": "both"}, lambda lab, s: lab.enable()),
    "disable": Verb("Force both scopes down.", {"const": "both"}, lambda lab, s: lab.disable()),
    "teardown": Verb(
        "Delete everything that the controller wrote.", {"const": "everything"}, lambda lab, s: lab.teardown()
    ),
    "z1": Verb("From nothing to both scopes configured and disabled.", {"const": "both"}, lambda lab, s: lab.z1()),
}
"""Every verb by its name."""

"""The inline sync of a simulated DPU as its counters show it: packets sent to the peer and acknowledged, by ENI.

It decides how far the counters move from one poll to the next. It must not know who reads them. A DPU sends only in
the roles in which it starts flow sync; over a dead channel it sends and hears nothing.

Source: switch-driven 2 (roles), 8; tables 2.22.
"""

from attrs import define, field

from hamgr_fsm.vocabulary import HaRole

PACKETS = 1000
"""Sent for each ENI between two polls."""

SENDS = (HaRole.ACTIVE, HaRole.SWITCHING_TO_ACTIVE)


@define
class Counted:
    """The two counters of an ENI."""

    sent: int = 0
    acknowledged: int = 0


@define
class InlineSyncCounters:
    """The counters of all ENIs of a DPU; there are none until a test adds some."""

    enis: dict[str, Counted] = field(factory=dict)
    lost: dict[str, int] = field(factory=dict)
    """How many packets an ENI loses between two polls over a channel that is up; below zero: acknowledged late."""

    def pass_traffic(self, role: HaRole, *, channel_up: bool | None) -> None:
        """Let the packets of the time between two polls pass."""
        if role not in SENDS:
            return
        for eni, counted in self.enis.items():
            counted.sent += PACKETS
            counted.acknowledged += 0 if channel_up is False else PACKETS - self.lost.get(eni, 0)

    def restart(self) -> None:
        """Every counter starts at 0 again."""
        self.enis = {eni: Counted() for eni in self.enis}

    def read(self) -> tuple[tuple[str, int, int], ...]:
        """What a poll finds: ENI, sent, acknowledged."""
        return tuple((eni, counted.sent, counted.acknowledged) for eni, counted in sorted(self.enis.items()))

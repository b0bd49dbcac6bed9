"""How much may go wrong: pools of faults, each with a number that may be spent on any of its kinds."""

from collections.abc import Sequence

from attrs import frozen

from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from runner.lab.check.happenings import Fault


@frozen
class Pool:
    """So many of these faults, in any mixture."""

    number: int
    faults: frozenset[Fault]


@frozen
class Budget:
    """What may go wrong in an exploration, and what the controller may come to want of each side."""

    pools: tuple[Pool, ...] = ()
    wishes: tuple[tuple[ScopeConfig | None, ...], tuple[ScopeConfig | None, ...]] = ((), ())

    def words(self) -> str:
        """The budget in a line."""
        said = [f"{pool.number} of {'/'.join(sorted(fault.value for fault in pool.faults))}" for pool in self.pools]
        wishes = ["/".join(_wish(wish) for wish in side) for side in self.wishes]
        if any(wishes):
            said.append(f"wishes of A {wishes[0] or 'none'}, of B {wishes[1] or 'none'}")
        return "; ".join(said) or "no faults"


def pool(number: int, *faults: Fault) -> Pool:
    """So many of these faults."""
    return Pool(number, frozenset(faults))


def spending(pools: Sequence[Pool]) -> dict[Fault, int]:
    """Which pool each kind of fault is taken from; the first that has it."""
    return {fault: index for index, p in reversed(list(enumerate(pools))) for fault in p.faults}


def _wish(config: ScopeConfig | None) -> str:
    if config is None:
        return "deleted"
    return "disabled" if config.disabled else config.desired.value

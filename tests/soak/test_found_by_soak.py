"""What long soaks have found, in the smallest form in which it happened."""

import pytest

from runner.demo.pair import Pair


@pytest.mark.parametrize("name", ["A", "B"])
def test_c29_loss_that_is_only_reported(name: str) -> None:
    """A DPU that has run on never says again that it has the channel: the pair was never formed again."""
    with Pair() as pair:
        pair.p()
        other = pair.peer_of(name)
        for each in pair.pair:
            pair.scope(each, desired="unspecified")
        pair.pmon(name, "down", "down", "down")
        pair.becomes(other, "standalone/standalone")
        pair.pmon(name, "up", "up", "up")
        pair.approve(name, "activate_role")
        pair.until_paired(active=other)
        pair.until_primaries(other, other)

"""Configuration that goes and comes back, on real switches."""

from tests.two_switches.pair import WatchedPair


def test_i4_set_that_is_configured_again_knows_nothing_of_before(healthy: WatchedPair) -> None:
    """Nobody serves, so there is no route. B's last report came before its scope and this set were deleted."""
    healthy.switch_over("B")
    healthy.teardown()
    healthy.until_dpus_hold_nothing()
    healthy.z1()
    healthy.settle()
    assert healthy.primaries == (None, None)

"""Two rule sets are compared by the shortest trace after which they do not do the same."""

from runner.lab.check.budget import Budget, pool
from runner.lab.check.campaign import Campaign
from runner.lab.check.compare import difference
from runner.lab.check.defects import CATALOGUE
from runner.lab.check.happenings import Fault
from runner.lab.check.rules import TRUE, derived

CHANNEL = Campaign("paired", Budget((pool(1, Fault.CHANNEL),)))


def test_the_same_rules_do_the_same() -> None:
    assert difference(TRUE, derived("twin"), CHANNEL) is None


def test_the_first_difference_is_shown() -> None:
    found = difference(TRUE, CATALOGUE["both-go-alone"].rules, CHANNEL)
    assert found is not None
    assert [step.who for step in found.trace] == ["world", "A"]
    assert "A is switching_to_standalone in term 1" in found.one
    assert "A is standalone in term 2" in found.other


def test_a_difference_of_the_messages_counts() -> None:
    found = difference(TRUE, CATALOGUE["acknowledgement-not-reported"].rules, Campaign("launch"))
    assert found is not None
    assert found.one.startswith("what can be next: ")
    assert found.one != found.other

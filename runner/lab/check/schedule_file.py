"""A counterexample as a file, which ``hamgr sim`` plays again step by step.

Source: docs/scenario.schema.json.
"""

import yaml

from runner.lab.check.explorer import Found
from runner.lab.check.trace import lines


def as_schedule(rules: str, situation: str, found: Found) -> str:
    """The counterexample in YAML: the rules it was found under, where it begins, and its steps in words."""
    violation = found.violation
    document = {
        "name": f"{violation.invariant}: {violation.what}",
        "schedule": {
            "rules": rules,
            "from": situation,
            "steps": [{line.who: line.what} for line in lines(found)],
            "shows": {"invariant": violation.invariant, "what": violation.what},
        },
    }
    return yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True).rstrip()

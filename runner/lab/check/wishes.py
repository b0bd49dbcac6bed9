"""What the explored controller may come to want of each side."""

from hamgr_fsm.scope.dpu_driven_facts import ScopeConfig
from hamgr_fsm.vocabulary import DesiredHaState
from runner.lab.check.happenings import scope_config

D = DesiredHaState
Wishes = tuple[tuple[ScopeConfig | None, ...], tuple[ScopeConfig | None, ...]]

PLANNED: Wishes = (
    (scope_config(D.ACTIVE), scope_config(D.UNSPECIFIED), scope_config(D.STANDALONE), scope_config(D.DEAD)),
    (scope_config(D.UNSPECIFIED), scope_config(D.ACTIVE), scope_config(D.STANDALONE), scope_config(D.DEAD)),
)
"""Every desired state of either side."""

EVERY_WISH: Wishes = (
    (*PLANNED[0], scope_config(D.ACTIVE, disabled=True), None),
    (*PLANNED[1], scope_config(D.UNSPECIFIED, disabled=True), None),
)
"""Those, and a scope that is disabled or deleted."""

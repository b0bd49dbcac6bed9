"""The words of SmartSwitch HA as enumerations.

This module decides nothing. It must not know how a word is written in a database or in a message: the numbers and the
prefixes of the wire belong to ``models``. The values here are the plain lower-case words of the field.

Source: domain, switch-driven 2, dpu-driven 1, tables 3.6.
"""

from enum import StrEnum


class HaState(StrEnum):
    """Where the state machine of an HA scope is."""

    DEAD = "dead"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    INITIALIZING_TO_ACTIVE = "initializing_to_active"
    INITIALIZING_TO_STANDBY = "initializing_to_standby"
    PENDING_STANDALONE_ACTIVATION = "pending_standalone_activation"
    PENDING_ACTIVE_ACTIVATION = "pending_active_activation"
    PENDING_STANDBY_ACTIVATION = "pending_standby_activation"
    STANDALONE = "standalone"
    ACTIVE = "active"
    STANDBY = "standby"
    DESTROYING = "destroying"
    SWITCHING_TO_STANDALONE = "switching_to_standalone"
    SWITCHING_TO_ACTIVE = "switching_to_active"
    SWITCHING_TO_STANDBY = "switching_to_standby"


class HaRole(StrEnum):
    """What hamgrd asks the DPU's ASIC to be, and what the ASIC acknowledges."""

    DEAD = "dead"
    ACTIVE = "active"
    STANDBY = "standby"
    STANDALONE = "standalone"
    SWITCHING_TO_ACTIVE = "switching_to_active"


class DesiredHaState(StrEnum):
    """What the controller wants a scope to become; there is no desired standby."""

    UNSPECIFIED = "unspecified"
    DEAD = "dead"
    ACTIVE = "active"
    STANDALONE = "standalone"


class HaOwner(StrEnum):
    """Who drives the state machine of a scope: the DPU's firmware or the switch, that is hamgrd."""

    UNSPECIFIED = "unspecified"
    DPU = "dpu"
    SWITCH = "switch"


class HaScopeKind(StrEnum):
    """What fails over together: all ENIs of a DPU, or one ENI."""

    UNSPECIFIED = "unspecified"
    DPU = "dpu"
    ENI = "eni"


class PlaneState(StrEnum):
    """The health of one plane of a DPU. Unknown is neither up nor down."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class PinState(StrEnum):
    """An operator's override of a BFD probe: it replaces the probe's result and never moves an HA state."""

    NONE = "none"
    UP = "up"
    DOWN = "down"


class OperationType(StrEnum):
    """Something that needs the controller's approval."""

    ACTIVATE_ROLE = "activate_role"
    FLOW_RECONCILE = "flow_reconcile"
    BRAINSPLIT_RECOVER = "brainsplit_recover"
    SWITCHOVER = "switchover"


class SwitchoverState(StrEnum):
    """How far a planned switchover is."""

    PENDING_APPROVAL = "pending_approval"
    APPROVED = "approved"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


class FlowSyncState(StrEnum):
    """How far a copying of the flow table is; in progress until the DPU says how it ended."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"

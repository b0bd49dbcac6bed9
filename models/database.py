"""The databases of a SmartSwitch that hamgrd reads or writes, by SONiC's names.

Numbers, separators and addresses are not here: they are read from the database configuration files of the switch.
Source: tables 1.1.
"""

from enum import StrEnum


class Database(StrEnum):
    """A database by name. Those of a DPU live in a Redis instance of their own, one for each DPU slot."""

    APPL_DB = "APPL_DB"
    CONFIG_DB = "CONFIG_DB"
    STATE_DB = "STATE_DB"
    CHASSIS_STATE_DB = "CHASSIS_STATE_DB"
    DPU_APPL_DB = "DPU_APPL_DB"
    DPU_STATE_DB = "DPU_STATE_DB"
    DPU_COUNTERS_DB = "DPU_COUNTERS_DB"

    @property
    def belongs_to_dpu(self) -> bool:
        """The database is one of the per-DPU instance, not of the host."""
        return self.value.startswith("DPU_")

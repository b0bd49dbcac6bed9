"""``hamgrd``: the daemon's command line.

Exit codes: 0 stopped by a signal, 1 failed, 2 bad command line or configuration.

Source: architecture, "Command lines".
"""

import asyncio
import signal
import sys
import uuid
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hamgr_fsm.vocabulary import HaOwner
from models.codec import one_shot_fields
from models.database import Database
from models.table import Transport
from models.tables import READ_TABLES, WRITTEN_TABLES
from runner.database_config import GLOBAL_FILE, MAIN_FILE, ConfigurationError, load_database_config
from runner.log_setup import LogFormat, LogLevel, announce, configure_logging
from runner.node import Node
from runner.shell import Shell, Surroundings
from runner.table_reader import AUDIT_INTERVAL_S
from runner.timers_file import load_timers

STOPPED, FAILED, MISUSED = 0, 1, 2

READ_FIRST = (Database.CONFIG_DB, Database.STATE_DB)
"""The order in which the databases are read to a node at start; the others follow in the order of the tables."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


class DpuTransport(StrEnum):
    """How rows reach the DPU's orchagent; it has to be set up alike."""

    ZMQ = "zmq"
    REDIS = "redis"

    @property
    def transport(self) -> Transport:
        """The transport of the tables in DPU_APPL_DB."""
        return Transport.ORCHAGENT if self is DpuTransport.ZMQ else Transport.PRODUCER_STATE_TABLE


@app.command()
def hamgrd(
    slot_id: Annotated[int, typer.Option(min=0, max=7, help="Slot of the DPU that this process manages.")],
    db_config: Annotated[Path, typer.Option(help="SONiC's database configuration of the host.")] = MAIN_FILE,
    global_db_config: Annotated[
        Path | None, typer.Option(help=f"SONiC's list of further ones.  [default: {GLOBAL_FILE} if it is there]")
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="What is logged at least.")] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option(help="How a line of the log looks.")] = LogFormat.TEXT,
    dpu_transport: Annotated[DpuTransport, typer.Option(help="How rows reach the DPU.")] = DpuTransport.ZMQ,
    timers: Annotated[
        Path | None, typer.Option(help="JSON object with timers in seconds that differ from ours.")
    ] = None,
    audit_interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two looks for changes that no database tells.")
    ] = AUDIT_INTERVAL_S,
) -> None:
    """Manage the High Availability of the DPU in one slot of a SmartSwitch, until a signal says to stop."""
    timers_in_force = load_timers(timers)
    databases = dict.fromkeys([*READ_FIRST, *(table.database for table in READ_TABLES + WRITTEN_TABLES)])
    around = Surroundings(
        addresses=load_database_config(db_config, global_db_config).addresses(databases, slot_id),
        read_tables=READ_TABLES,
        written_tables=WRITTEN_TABLES,
        one_shot_fields={table.name: one_shot_fields(table) for table in WRITTEN_TABLES},
        dpu_transport=dpu_transport.transport,
        audit_interval_s=audit_interval,
    )
    configure_logging(log_level, log_format)
    # Without a bus to its peer this process must not drive scopes of the switch: both sides would serve alone.
    owners = frozenset({HaOwner.DPU})
    node = Node(slot_id=slot_id, operation_ids=lambda: str(uuid.uuid4()), timers=timers_in_force, owners=owners)
    shell = Shell(node, around, on_ready=lambda: announce("hamgrd ready", log_format, slot_id=slot_id))
    raise typer.Exit(STOPPED if asyncio.run(_run(shell)) else FAILED)


async def _run(shell: Shell) -> bool:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, shell.stop)
    return await shell.run()


def main() -> None:
    """Run the daemon; what keeps it from starting is one line on standard error."""
    try:
        status = app(standalone_mode=False)
    except ConfigurationError as error:
        status = _complain(str(error))
    except typer.TyperException as error:
        status = _complain(error.format_message())
    sys.exit(status)


def _complain(what: str) -> int:
    sys.stderr.write(f"hamgrd: {what}\n")
    return MISUSED

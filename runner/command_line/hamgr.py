"""``hamgr``: what an operator and a newcomer type. Every command has a module of its own; this one names them."""

import typer

from runner.command_line.check import check
from runner.command_line.demo import demo
from runner.command_line.diagram import diagram
from runner.command_line.show import show
from runner.command_line.sim import sim
from runner.command_line.soak import soak

app = typer.Typer(no_args_is_help=True, add_completion=False, help="SONiC SmartSwitch High Availability.")
app.command("check")(check)
app.command("demo")(demo)
app.command("diagram")(diagram)
app.command("sim")(sim)
app.command("soak")(soak)
app.add_typer(show, name="show")


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()

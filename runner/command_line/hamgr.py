"""``hamgr``: what an operator and a newcomer type. Every command has a module of its own; this one names them."""

import typer

from runner.command_line.bench import bench
from runner.command_line.check import check
from runner.command_line.demo import demo
from runner.command_line.diagram import diagram
from runner.command_line.explain import explain
from runner.command_line.replay import replay
from runner.command_line.show import show
from runner.command_line.sim import sim
from runner.command_line.soak import soak
from runner.command_line.soak_pair import soak_pair
from runner.command_line.watch import watch
from runner.command_line.web import web

app = typer.Typer(no_args_is_help=True, add_completion=False, help="SONiC SmartSwitch High Availability.")
app.command("check")(check)
app.command("demo")(demo)
app.command("diagram")(diagram)
app.command("explain")(explain)
app.command("replay")(replay)
app.command("sim")(sim)
app.command("soak")(soak)
app.command("soak-pair")(soak_pair)
app.command("watch")(watch)
app.command("web")(web)
app.add_typer(bench, name="bench")
app.add_typer(show, name="show")


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()

"""Record the journals of two real daemons anew: ``python -m tests.journal.record_real_run`` (or ``make journals``).

They are replayed by the tests, so a change of a rule that matters shows there; when it is meant, they are recorded
anew. The pair is launched, switched over, one daemon is killed and started again, and the DPU that serves dies and
rejoins.
"""

import gzip
from pathlib import Path

from hamgr_fsm.vocabulary import HaOwner
from runner.demo.pair import Pair

HERE = Path(__file__).parent


def record(directory: Path) -> None:
    """Play the story and write one journal for each switch."""
    with Pair(owner=HaOwner.SWITCH) as pair:
        journals = {name: pair.directory / f"{name}.jsonl" for name in pair.switches}
        for name, switch in pair.switches.items():
            switch.hamgrd.stop()
            switch.hamgrd.command += ["--journal", str(journals[name])]
            switch.hamgrd.start()
        pair.p()
        pair.switch_over("B")
        pair.kill("A")
        pair.start("A")
        pair.off("B")
        pair.becomes("A", "standalone/standalone")
        pair.on("B")
        pair.approve("B", "activate_role")
        pair.until_paired()
        for switch in pair.switches.values():
            switch.hamgrd.stop()
        for name, journal in journals.items():
            # The time in the compressed file would make every recording another one.
            compressed = gzip.compress(journal.read_bytes(), mtime=0)
            (directory / f"real_run_{name.lower()}.jsonl.gz").write_bytes(compressed)


if __name__ == "__main__":
    record(HERE)

"""How much of a random search a test run does: little by default, as much as the environment asks for."""

import os

FACTOR = int(os.environ.get("HAMGR_LAB_FACTOR", "1"))
"""How many times more than by default; set HAMGR_LAB_FACTOR to search for longer."""

SHORT = 20 * FACTOR
LONG = 60 * FACTOR

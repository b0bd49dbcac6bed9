"""Random searches: the same examples on every checked submission, other ones on every developer's run.

A submission must not fail for an example that the one before it was lucky not to draw; what developers' runs and ``make
soak`` find becomes a test of its own.
"""

import os

from hypothesis import settings

settings.register_profile("checked", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("checked")

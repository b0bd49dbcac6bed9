"""Connections of the bus: long-lived gRPC streams of frames, with who is at the other end. Knows no messages.

A ``listener.Listener`` accepts links, a ``dialler.Dialler`` keeps one to an endpoint, and both tell an
``owner.LinkOwner`` what happens. A frame is one message as bytes; what is in it, and where it goes, is for the owner.

Source: bus 1, 3, 4.3 and 8.
"""

import logging
import os

# gRPC's core writes to standard error by itself, past every log format; what matters of it is logged here. It reads
# this once, when it is first imported; whoever wants its words can still ask for them in the environment.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# The same for metadata that is no UTF-8: gRPC logs a stack for each, and whoever reaches the port can send them by the
# thousand. They are refused, counted and logged rarely here.
logging.getLogger("grpc._cython.cygrpc").addFilter(lambda record: not str(record.msg).startswith("Invalid encoding"))

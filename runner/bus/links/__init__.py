"""Connections of the bus: long-lived gRPC streams of frames, with who is at the other end. Knows no messages.

A ``listener.Listener`` accepts links, a ``dialler.Dialler`` keeps one to an endpoint, and both tell an
``owner.LinkOwner`` what happens. A frame is one message as bytes; what is in it, and where it goes, is for the owner.

Source: bus 1, 3, 4.3 and 8.
"""

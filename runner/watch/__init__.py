"""A live view of the HA scopes of one switch or two: what their daemons publish, look after look.

``sight`` decides what is seen and what has changed since the last look, ``frame`` how it looks. Neither knows Redis,
terminals or the clock.

Source: architecture "Command lines".
"""

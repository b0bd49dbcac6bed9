"""Why a scope stands where it stands, asked of the real machines: a node is rebuilt from what the databases hold, as a
daemon that starts would, and looked at. Nothing is written.

Source: architecture "Command lines", switch-driven 9.
"""

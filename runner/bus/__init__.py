"""The bus between the daemons of all switches: what a node and hamgrd do with messages, and the links that carry them.

Source: bus.
"""

"""The HA scope: the smallest thing that can fail over, and the machines that drive or follow it."""

"""Measuring what hamgrd costs: one step of a node, a whole failover, a restart; and what the machine itself can do."""

"""The checker: every way in which a pair can go within a budget of faults, explored state by state."""

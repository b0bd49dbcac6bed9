"""Two switches as real processes: every scenario that applies to a pair of hamgrd, in both modes."""

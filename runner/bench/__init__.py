"""Measurements of hamgrd on the machine at hand. They report; what is good enough is decided elsewhere."""

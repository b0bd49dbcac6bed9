"""A pair that lives long and is treated badly: what is done to it, and what must hold afterwards."""

"""The journal of a daemon: every input with its time and what followed from it, to be replayed and explained later."""

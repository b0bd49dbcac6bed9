"""The state machines of SmartSwitch HA, declared as tables and free of input, output, clock and randomness."""

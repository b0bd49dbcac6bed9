"""Tests of the state machines: facts in, states and effects out."""

"""Scenario files: what happens to a pair and what is expected of it, in words that anybody can write."""

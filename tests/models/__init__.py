"""Tests of the records and of the codec: bytes in, records out, and back."""

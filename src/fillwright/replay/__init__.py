"""Tape → engine → exchange in virtual time: synchronous, without an event loop."""

"""The orchestration engine: history in, actions out. Pure: no await, no I/O, no clock, no log."""

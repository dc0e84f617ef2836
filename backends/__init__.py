"""The simulators: each turns a realization into a recording."""

"""The oracle: spike times from the equations themselves, without a time step."""

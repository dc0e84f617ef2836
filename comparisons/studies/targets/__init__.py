"""What the spikes of populations amount to: rates, irregularity, rhythms, phases."""

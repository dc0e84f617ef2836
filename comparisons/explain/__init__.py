"""Why two runs differ: hypotheses, each tested by running without the cause it names."""

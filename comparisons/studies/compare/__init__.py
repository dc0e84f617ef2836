"""Do the simulators coincide? An experiment on several backends, and a verdict for every pair."""

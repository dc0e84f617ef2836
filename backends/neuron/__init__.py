"""The backend that runs an experiment in NEURON."""

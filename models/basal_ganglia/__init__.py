"""The basal ganglia: neuron models, cells with their parameter sets, what a seed repository says."""

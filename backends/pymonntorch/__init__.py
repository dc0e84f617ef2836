"""The backend that runs an experiment in PymoNNtorch."""

"""The backend that runs an experiment in Brian2."""

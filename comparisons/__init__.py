"""The instrument: runs, numbers, verdicts, pages, studies, its own checks, and the command line."""

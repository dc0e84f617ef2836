"""Random valid experiments on every backend: does one of them crash, or differ by more than round-off?"""

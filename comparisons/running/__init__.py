"""What becomes of a request: which runs, in which process, kept where; recordings from elsewhere."""

"""What a run hangs on, and whether it could be done again: the judgements over its record."""

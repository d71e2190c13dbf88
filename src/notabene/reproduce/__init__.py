"""Running a run again from its record alone, and judging whether it came out the same."""

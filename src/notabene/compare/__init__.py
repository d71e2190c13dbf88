"""Two or more runs beside each other: what differs, and what may account for it."""

"""Records in, answers out: the one write door and the one read door."""

"""The journal: an append-only log of records, one file per writer, with no lock anywhere."""

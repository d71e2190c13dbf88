"""What training libraries tell a run: one file for each, all of one shape; see ``_base``."""

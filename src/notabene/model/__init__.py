"""The words: what can happen (records), what is true (entities), what can be logged (values)."""

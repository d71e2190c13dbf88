"""The command line: parses, calls ``Api`` or the SDK, prints."""

"""What can be asked and changed over HTTP, a file per subject."""

"""What the source of a program says by itself: text in, facts out; nothing is imported or run."""

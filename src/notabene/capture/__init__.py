"""What surrounded the run: each module returns plain data about one part of it, none stores."""

"""What is read off rows of distances: one measure a module."""

"""What the measure gives back: a small object for two spaces, a labelled dataset for many, and its files."""

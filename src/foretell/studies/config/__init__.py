"""A study as it is written down: its file, its sections, what is wrong with them, and the presets."""

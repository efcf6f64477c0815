"""Results as figures: a module a figure; what they share is in `drawing`."""

"""Arrays in, numbers out: the measure alone, for someone who has two arrays."""

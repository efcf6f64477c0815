"""What went wrong, named from evidence."""

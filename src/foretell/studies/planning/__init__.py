"""What a run will cost: time, memory and disk."""

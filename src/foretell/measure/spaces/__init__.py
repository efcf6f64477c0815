"""What is measured: bits, floats or given distances of items, and which items are queries and candidates."""

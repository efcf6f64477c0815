"""Models and pairs in, bits on disk out."""

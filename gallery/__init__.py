"""Makes docs/gallery.md: what the built-in studies show, beside what the paper states."""

"""The documentation site: pages in Markdown, and what Sphinx needs to build them."""

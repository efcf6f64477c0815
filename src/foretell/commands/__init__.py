"""Commands that work on stores and on the installation; `foretell.cli` gathers them."""

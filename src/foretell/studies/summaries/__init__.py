"""What several kinds of study say in common: words, rows of tables, asymmetries, best layers."""

"""What several kinds of study say in common: corrections and verdicts, words, asymmetries, best layers."""

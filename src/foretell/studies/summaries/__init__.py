"""What several kinds of study say in common: corrections and verdicts, asymmetries, best layers."""

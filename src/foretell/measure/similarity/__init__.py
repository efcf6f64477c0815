"""Measures beside the imbalance, of the same spaces in the same pass: CKA, RSA, shared neighbours."""

"""Verdicts on the paper's claims: how each is tested is data (paper/claim_tests.yaml), the few kinds are functions."""

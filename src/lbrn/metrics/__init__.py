"""Numbers from stored predictions: no network, no torch."""

"""Trained networks on the user's own photographs: reading any picture, running a model file, drawing what it found."""

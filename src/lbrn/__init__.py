"""lbrn: local-binarized very deep residual networks (Liu et al., Neurocomputing 2021), reproduced and usable."""

__version__ = "0.1.0"

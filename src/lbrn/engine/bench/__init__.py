"""Measures the engine against public dense ones: single convolutions, blocks, whole networks, training steps, memory.

A folder of its own: the engine's kernels are compiled anew when a file beside them changes.
"""

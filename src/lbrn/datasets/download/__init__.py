"""Downloading official archives: resumed, from several mirrors in turn, checked before a file gets its name."""

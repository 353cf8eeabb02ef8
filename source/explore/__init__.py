"""Experiments to play with: each module computes one, in pure NumPy, from whatever functions it is handed."""

"""One thread and no screen for every test; set here because NumPy and Matplotlib read it when they are imported."""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MPLBACKEND="Agg")

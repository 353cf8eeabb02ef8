"""The explorers: widgets that show an experiment and let one move it, one module and one script each."""

"""The course as a static site: the notebooks with what they show, and the explorers alive, for a plain web server."""

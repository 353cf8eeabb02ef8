"""The notebooks' pictures: one module a section, and the style that they share."""

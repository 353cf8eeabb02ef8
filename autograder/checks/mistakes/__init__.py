"""The catalogue of common mistakes: wrong versions and their hints, one module a section."""

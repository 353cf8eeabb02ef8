"""Every section's demo class: `autograder.demo.NAME` holds its students, and an answer to the written question."""

from importlib import import_module

from autograder.course import SECTIONS
from autograder.demo.student import Student

_MODULES = {section.name: import_module(f"autograder.demo.{section.name}") for section in SECTIONS}
STUDENTS: dict[str, tuple[Student, ...]] = {name: module.STUDENTS for name, module in _MODULES.items()}
ANSWERS: dict[str, str] = {name: module.ANSWER for name, module in _MODULES.items()}  # to the written question

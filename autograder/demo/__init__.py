"""A demo class: made-up students, each with mistakes of their own, and the score that each must get.

A test holds the graded class to these scores, so the tables are also the shortest account of how the course grades.
"""

from autograder.demo.classes import STUDENTS
from autograder.demo.handing_in import DUE, hand_in
from autograder.demo.student import PREFIX, Student, expected_points

__all__ = ["DUE", "PREFIX", "STUDENTS", "Student", "expected_points", "hand_in"]

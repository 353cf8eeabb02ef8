"""The instructor's side: checks, grading, release. Nothing in here ever reaches a student."""

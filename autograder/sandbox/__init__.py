"""Where student code runs: a jailed fork of a warm process, reached through array messages.

Trusted side: `warm` (the warm process, seen from outside), `remote` (a student's names as functions), `student` (one
submission, which outlives its process), `levels` (which walls this machine offers), `limits`.
Both sides: `wire` (messages). Inside the jail: `zygote` (the warm process), `walls` (what each fork puts on itself),
`worker` (runs cells, answers calls). Nothing in here imports checks, and the jail can read nothing else of ours.
"""

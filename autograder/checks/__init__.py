"""What is right, what is commonly wrong, and the words for it: one module a section, on shared machinery.

`verdict` says how a check ends, `calling` runs a student's function, `exercise` compares what it returns.
"""

"""What is right, what is commonly wrong, and the words for it: one module a section, on shared machinery.

`verdict` says how a check ends, `calling` runs a student's function, `comparing` compares what it returns, and
`exercise` puts them together for one function or one backward.
"""

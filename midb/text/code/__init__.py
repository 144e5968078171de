"""What is program code in a text, and what its words are.

Three modules for three questions. ``lines``: which lines are code for certain, though no fence says so; protection
(midb.text.protection) adds what fences, backticks and file names say, and is what a detector asks. ``signs``: could
this one line be code, asked by those who would rather leave a line alone. ``tokens``: which words of a piece of code
does a programming language define, and which did its author choose.
"""

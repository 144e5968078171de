"""Marks and shapes in a text: brackets, encodings, entities, lists, repetitions, punctuation."""

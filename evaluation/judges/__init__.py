"""Judges who are judged: pairs of which it is known which version is better, and what a judge makes of them."""

"""How good drafts are, by replay of real texts: ours, prompt lookup, and suffix matching."""

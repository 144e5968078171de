"""Several devices that serve one run: for each an engine in a process of its own."""

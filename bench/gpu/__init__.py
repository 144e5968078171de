"""The parts of one run on a GPU that is lent for minutes: ``bench/gpu_run.py`` calls them by name."""

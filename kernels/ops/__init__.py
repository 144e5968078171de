"""The Triton kernels, each with the signature of its namesake in ``kernels.reference``."""

"""midb-agent as a Python library: what `import midb` offers, built on what the command line runs on."""

"""Do no harm: what a rewrite must keep, and which repairs go together."""

"""Numbers, arithmetic and units as texts write them."""

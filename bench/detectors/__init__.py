"""How good the kinds are: recall on injected defects, precision as people judged, false alarms, speed."""

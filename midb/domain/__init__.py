"""What a run is about, as plain data: pairs, defects, edits, decisions, results, events. Knows no file and no model."""

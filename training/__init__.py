"""Examples to train a booster on: from revisions, clean pairs and defects to what a pass is asked and should reply."""

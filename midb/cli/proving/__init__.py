"""`midb-agent prove`: from a corpus to a page that says whether models learn better from its boosted side."""

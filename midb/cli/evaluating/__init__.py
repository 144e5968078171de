"""`midb-agent evaluate`: whether the data are better, told by figures, by judges, and by judges who were judged."""

"""What a booster learns from: revisions read from files and logs, which of them are taken, and who is held out."""

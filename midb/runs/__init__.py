"""What a run is told to do, and taking edits of a finished one back."""

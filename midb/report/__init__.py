"""What a run did, as a page for people, a card for a published data set, and figures for scripts."""

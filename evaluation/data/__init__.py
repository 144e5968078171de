"""What a run did to its corpus, measured on the texts themselves: both sides are read, and examined anew."""

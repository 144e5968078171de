"""Whether a boosted corpus is better than it was: figures of its texts, judges who compare, judges who are judged."""

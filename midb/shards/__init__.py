"""One corpus on several machines: cut into shards, and put together as one run would have left it."""

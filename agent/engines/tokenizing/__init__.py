"""Between chats and token ids, for one checkpoint: its chat template, its tokenizer, and grammars of its tokens."""

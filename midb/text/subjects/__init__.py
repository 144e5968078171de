"""What a text is about: its own prose, tasks about language, topics, the scaffolding of a template."""

"""Which models there are, where their weights come from, and whether they can run here."""

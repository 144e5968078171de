"""Review by people: what is to be looked at, how it is shown, what they say of it, and sheets for people elsewhere."""

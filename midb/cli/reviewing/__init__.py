"""The commands of review: a page, sheets, and doing what people said."""

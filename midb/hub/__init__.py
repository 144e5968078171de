"""The hub of data sets and models: how what is fetched from it is named, and whether all of it is here."""

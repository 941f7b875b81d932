"""Everything curated knows, in one SQLite database; nothing else in the program speaks SQL."""

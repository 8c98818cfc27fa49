"""The rules of planning, pure: requirements are numbered, plans are checked, hashed and decomposed."""

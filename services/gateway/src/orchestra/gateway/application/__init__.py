"""One use case a file, over ports."""

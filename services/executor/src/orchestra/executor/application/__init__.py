"""One use case a file, and the ports that they are written against."""

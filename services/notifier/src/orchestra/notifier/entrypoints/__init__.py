"""Events, HTTP and loops, wired to the use cases."""

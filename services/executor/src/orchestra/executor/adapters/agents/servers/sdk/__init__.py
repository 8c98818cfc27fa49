"""The library of the protocol, and all that touches it. It is loaded when the first server is asked."""

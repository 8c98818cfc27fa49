"""Tables, repositories, and the client to the other services."""

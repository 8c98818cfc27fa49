"""The `orchestra` command: talks to a gateway, or hosts the services itself."""

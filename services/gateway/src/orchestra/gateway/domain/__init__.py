"""The rules of access, of the inbound door and of plan requests: pure."""

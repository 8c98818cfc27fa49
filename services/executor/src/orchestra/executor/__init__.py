"""How, and at what cost? Attempts under leases, the sandbox, artifacts."""

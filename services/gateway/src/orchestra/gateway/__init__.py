"""The gateway: who may? API keys, the public REST API, event streams, the inbound door."""

"""Messages between services: outbox, relay, transports, inbox, dead letters."""

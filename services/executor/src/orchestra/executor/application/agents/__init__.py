"""Attempts of agents: context, tools behind a broker, verification."""

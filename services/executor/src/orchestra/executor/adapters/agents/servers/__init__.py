"""Servers of tools that speak MCP: which there are, how they are reached, and the tools that they have."""

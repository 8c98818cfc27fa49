"""Agents as callers and time reach them."""

"""Journeys of users through the whole system, on both runtimes."""

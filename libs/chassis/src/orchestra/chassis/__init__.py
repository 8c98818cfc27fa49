"""The microservice chassis: plumbing every service shares, and no business word in it."""

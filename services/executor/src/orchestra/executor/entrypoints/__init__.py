"""Where events, requests and leased work come in."""

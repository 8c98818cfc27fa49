"""Working time and the schedule that is calculated on it."""

"""Who, when, and in what state? The work graph, members, runs and the schedule."""

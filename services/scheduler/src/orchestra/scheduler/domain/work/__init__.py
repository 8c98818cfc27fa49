"""The work graph: what a task or a run may become, what waits for what, what is tried again."""

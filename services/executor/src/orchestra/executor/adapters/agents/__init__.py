"""The world of agents: the loop of a model and its tools, files, servers of tools, the journal."""

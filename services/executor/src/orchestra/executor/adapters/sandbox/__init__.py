"""The security boundary around commands.

The executor keeps one small process beside it, the warden. For each command the warden has a keeper, and the keeper
starts the command inside a cage; then it waits for another:

    executor ──(one socket a command)── keeper ── command …
        └── warden (started once, empty environment) ──┘

Keeper and warden are child subreapers, so a process that leaves its group or loses its parent is still found. Whoever
dies, the next one up or down ends what is left: the keeper when its socket or the warden goes, the warden when a keeper
or the executor goes; the command's first process dies with its keeper. Only warden and keeper killed at one instant
could leave a process behind, and a command can signal neither of them; the next executor ends it (`orphans`).

Where the executor can make control groups, each command has one: the kernel keeps its memory and processes as a whole,
and ends them as a whole (`group`, `delegation`).

Two cages: `bubblewrap` (L3, namespaces and seccomp) and `landlock` (L2, landlock, seccomp and own user; no package).
`probe.strongest` chooses by attempting to escape from each.
"""

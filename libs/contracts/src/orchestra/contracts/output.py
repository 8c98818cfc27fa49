"""What a command prints while it runs: no event, but a stream beside them, of which only the newest part is kept."""

from orchestra.contracts.ids import AttemptId, WorkspaceId


def output_of(workspace_id: WorkspaceId, attempt_id: AttemptId) -> str:
    """The name of the stream that holds what an attempt prints; its places are those of the attempt's log, in bytes."""
    return f"output:{workspace_id}:{attempt_id}"

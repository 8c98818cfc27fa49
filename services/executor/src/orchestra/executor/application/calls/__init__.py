"""Model calls that other services want: accepted as rows, performed under lease, answered by an event."""

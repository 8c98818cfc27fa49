"""What crosses a service boundary: ids, events, the catalog of who says what. Depends on pydantic only."""

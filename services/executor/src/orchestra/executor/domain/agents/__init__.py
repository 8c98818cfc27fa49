"""What agents may do, and what is made of what they do: rules and values."""

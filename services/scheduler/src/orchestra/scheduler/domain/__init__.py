"""The pure rules: frozen values and functions, no clock, no chance, no input or output."""

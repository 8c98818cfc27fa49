"""Providers of models: their file, their prices, their keys, their health; `sdk` alone loads their libraries."""

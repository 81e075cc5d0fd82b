"""What a scenario does differently: small, typed, serialisable changes, each with a check of its own."""

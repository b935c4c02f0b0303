"""The same workloads, each written the way its own documentation writes it."""

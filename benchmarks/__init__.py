"""Benchmarks of the product on this machine. Each script prints what it did and how long it took."""

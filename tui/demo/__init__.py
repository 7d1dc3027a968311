"""A simulated fleet that speaks the real protocols over loopback: for the demo, the tests and the benchmarks."""

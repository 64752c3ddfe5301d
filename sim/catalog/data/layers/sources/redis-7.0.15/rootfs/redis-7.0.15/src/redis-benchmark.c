/* The benchmark. The lab has it as a program of its own. */
#pragma lab program redis-benchmark 2440000 7.0.15

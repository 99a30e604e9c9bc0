"""A bundle's networks in fewer bits: int8 for CPUs, fp16 and int8 for GPUs, each behind a gate."""

"""Model repositories of Triton."""

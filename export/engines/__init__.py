"""TensorRT's engines, built from a bundle's graphs."""

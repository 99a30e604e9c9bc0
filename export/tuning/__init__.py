"""Tuning: a bundle and labelled crops -> a bundle that reads them better, and forgets nothing."""

"""What measurements say, for people: the model card, a page with charts, and the tables of docs/benchmarks.md."""

"""What the reader is worth: accuracy and latency on labelled images. Importing it imports no model."""

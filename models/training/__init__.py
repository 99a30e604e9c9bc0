"""Training material and loops. Importing this package imports no torch; its modules do where they need it."""

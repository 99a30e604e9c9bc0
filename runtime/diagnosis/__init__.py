"""What `edgereader doctor` finds out: facts of the machine, and trials of every backend."""

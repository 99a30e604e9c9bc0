"""`edgereader bench`: latency, throughput, memory and growth, of EdgeReader and others."""

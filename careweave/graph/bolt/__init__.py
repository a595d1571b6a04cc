"""Neo4j behind the graph port: values, texts, batches, units of work and migrations over the official driver."""

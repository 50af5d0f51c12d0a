"""What a home runs, and its supervision: Java, jars, ports, keys, Redis, Ray, MLflow, Dagster."""

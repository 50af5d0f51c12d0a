"""The HTTP application that answers predictions; it runs in Ray Serve and knows no Dagster, Spark, MLflow or pandas."""

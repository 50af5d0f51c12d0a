"""How the tests run Spark: their tables are too small to compile queries for."""

VARIABLE = "SPARK_SUBMIT_OPTS"  # Java options of every Spark that a process starts
# Spark interprets its queries, instead of turning each into Java classes.
INTERPRETED = "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"

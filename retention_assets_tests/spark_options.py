"""How the tests run Spark: small tables are not worth much compiling, and two workers share two
cores.
"""

VARIABLE = "SPARK_SUBMIT_OPTS"  # Java options of every Spark that a process starts
# Java compiles less thoroughly.
SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
# Spark interprets its queries, instead of turning each into Java classes.
INTERPRETED = "-Dspark.sql.codegen.wholeStage=false -Dspark.sql.codegen.factoryMode=NO_CODEGEN"

"""How much an example counts, so that those whom a contact kept do not pass for customers who were
never at risk. Frames in, frames out.

The wanted probability is that of leaving if nobody is contacted after as_of. A contact before the
outcome ends what can be seen of that (it censors the example). Where the source logs decisions with
their propensity and those left out, the latter stand in for those contacted: an example counts 0 if
it was contacted, else 1 / the probability of being left out of all decisions on it until its
outcome or the end of the window (Robins and Rotnitzky 1992). 1 / the probability of no contact in
the whole window would be wrong: who leaves early cannot be contacted later.

A contact without a logged propensity changes no weight, and the probability is with such contacts
going on as they do. An estimate of their rate from the features as of as_of made things worse for
those likeliest to be contacted (benchmarks/contacts.py): contacts depend on what happened since.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.customer_state import TIMES
from retention_assets.validation.versions import holds_at

PAIR = ("customer_id", "as_of")
# The few who are left out less than once in ten times would decide the rate alone.
MAX_WEIGHT = 10.0


def with_weights(pairs: DataFrame, contacts: DataFrame | None, *, known_on: Column) -> DataFrame:
    """`pairs` (customer_id, as_of, decided_by and any others) with `treated` and `weight`.

    Decisions count from as_of until before `decided_by`, the first day whose facts come too late to
    change the label. `contacts`: decisions with `replaced_on` (versions.py), as they are known at
    `known_on`; None: the source has none.
    """
    if contacts is None:
        return pairs.withColumns({"treated": F.lit(False), "weight": F.lit(1.0)})
    decisions = _decisions(pairs, contacts, known_on)
    is_left_out = F.col("left_out") > 0
    weight = F.when(is_left_out, F.least(1 / F.col("left_out"), F.lit(MAX_WEIGHT))).otherwise(0.0)
    columns = {
        "treated": F.coalesce("treated", F.lit(False)),
        "weight": F.when(F.col("left_out").isNull(), 1.0).otherwise(weight),
    }
    return pairs.join(decisions, [*PAIR], "left").withColumns(columns).drop("left_out")


def _decisions(pairs: DataFrame, contacts: DataFrame, known_on: Column) -> DataFrame:
    """Per pair with decisions that count: `treated`, whether there was a contact; `left_out`, the
    probability of being left out of the logged ones, 0 if one of these was a contact.
    """
    # A certain contact leaves nobody out who could stand in for those contacted.
    is_logged = F.coalesce(F.col("propensity") < 1, F.lit(False))
    chance = F.when(~is_logged, 1.0).when(F.col("treated"), 0.0).otherwise(1 - F.col("propensity"))
    facts = contacts.select("customer_id", *TIMES, "treated", chance.alias("chance"))
    start = F.col("as_of").cast("timestamp")
    end = F.col("decided_by").cast("timestamp")
    counts = (F.col("event_ts") >= start) & (F.col("event_ts") < end) & holds_at(known_on)
    # Sorted, so that the product does not depend on the order of rows.
    chances = F.sort_array(F.collect_list("chance"))
    left_out = F.aggregate(chances, F.lit(1.0), lambda product, factor: product * factor)
    concerned = pairs.join(facts, "customer_id").where(counts)
    return concerned.groupBy(*PAIR).agg(
        F.max("treated").alias("treated"), left_out.alias("left_out")
    )

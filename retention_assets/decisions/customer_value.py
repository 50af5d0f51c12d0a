"""What a contact of each scored customer is expected to earn, from the customer's own lifetime
value. Native Spark expressions; the money is assumed, not measured.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Column, meaning. `churn_scores` has them beside those of scores.py.
DESCRIPTIONS = {
    "clv_score": "Lifetime value, from value/customer_lifetime_value: expected margin, discounted; "
    "null: unknown.",
    "contact_profit": "Expected profit of one retention contact. It assumes a save rate and a cost "
    "of a contact, which nobody has measured; null without a score or a lifetime value.",
}


def with_contact_profit(
    scores: DataFrame, values: DataFrame | None, *, contact_cost: float, save_rate: float
) -> DataFrame:
    """The scores with `clv_score` and `contact_profit`: the lifetime value that a contact saves,
    less its cost, in the source's currency.

    `values`: value/customer_lifetime_value; None: there is none. A value as of another day than
    the score counts as unknown. The lifetime value is a mean over customers who leave and who stay,
    so it is rather below what a saved customer brings.
    """
    unknown = F.lit(None).cast("double")
    if values is None:
        return scores.withColumns({"clv_score": unknown, "contact_profit": unknown})
    of_day = values.select("customer_id", F.col("as_of").alias("features_as_of"), "clv_score")
    joined = scores.join(of_day, ["customer_id", "features_as_of"], "left")
    saved = F.col("churn_probability") * F.lit(save_rate) * F.col("clv_score")
    columns = [*scores.columns, "clv_score"]
    return joined.select(*columns, (saved - F.lit(contact_cost)).alias("contact_profit"))

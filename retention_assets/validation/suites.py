"""Great Expectations' side of the rules: one suite a table, run on the incoming rows. No splitting, no Dagster.

A suite answers yes or no per expectation, with the allowed share of broken rows as `mostly`; it reads the columns once,
in one aggregation. Its own counting of unexpected values would cost a scan per expectation; the split counts them anyway.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations import expectations as gxe
from great_expectations.data_context.types.base import ProgressBarsConfig
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.validation.rules import Rule

if TYPE_CHECKING:
    from great_expectations.core import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )

RULE = "rule"


def suite_of(name: str, rules: Sequence[Rule], allowed_share: float) -> gx.ExpectationSuite:
    """The suite of one table: an expectation a rule, each bearing the rule's name in its `meta`."""
    mostly = round(1.0 - allowed_share, 9)  # 1 - 0.7 is a little more than 0.3
    expectations = [
        getattr(gxe, rule.expectation)(**rule.arguments, mostly=mostly, meta={RULE: rule.name})
        for rule in rules
    ]
    return gx.ExpectationSuite(name, expectations=expectations)


def view(judged: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """The columns that the suite looks at, and no others: the raw text is wide."""
    own = {rule.name: rule.sees for rule in rules if rule.sees}
    named = dict.fromkeys(rule.arguments["column"] for rule in rules if not rule.sees)
    return judged.select(*named, *(F.expr(sql).alias(name) for name, sql in own.items()))


def run(
    suite: gx.ExpectationSuite, frame: DataFrame, result_format: Any = "BOOLEAN_ONLY"
) -> "ExpectationSuiteValidationResult":
    """Runs the suite on a frame, in a context of its own that stores nothing and reports nothing to anybody."""
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_spark("lake", persist=False).add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("incoming").get_batch({"dataframe": frame})
    return batch.validate(suite, result_format=result_format)


def suite_results(
    judged: DataFrame, name: str, rules: Sequence[Rule], allowed_share: float
) -> dict[str, bool]:
    """Rule -> whether its broken share is allowed. `judged` is the split's frame, which bears `_copy`."""
    result = run(suite_of(name, rules, allowed_share), view(judged, rules))
    return {rule_named(each): bool(each.success) for each in result.results}


def rule_named(result: "ExpectationValidationResult") -> str:
    """Name of the rule that an expectation's result is about."""
    return str(((result.expectation_config and result.expectation_config.meta) or {})[RULE])

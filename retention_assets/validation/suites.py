"""The rules as Great Expectations suites: one suite per table, run on the incoming rows. No
splitting, no Dagster.

A suite answers yes or no per expectation, with the allowed share of broken rows as `mostly`. It
reads the columns once, in one aggregation. Its own count of unexpected values would cost one scan
per expectation, and the split counts them anyway.
"""

from collections.abc import Mapping, Sequence
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


def suite_results(
    marked: DataFrame, name: str, rules: Sequence[Rule], allowed_shares: Mapping[str, float]
) -> dict[str, bool]:
    """Rule -> whether its broken share is allowed. `marked`: the split's frame; `allowed_shares`:
    by rule.
    """
    suite = suite_of(name, rules, allowed_shares)
    results = run_suite(suite, suite_columns(marked, rules)).results
    return {rule_name(result): bool(result.success) for result in results}


def suite_of(
    name: str, rules: Sequence[Rule], allowed_shares: Mapping[str, float]
) -> gx.ExpectationSuite:
    """The suite of one table: an expectation per rule, with the rule's name in its `meta`."""
    expectations = [
        getattr(gxe, rule.expectation)(
            **rule.arguments,
            mostly=round(1.0 - allowed_shares[rule.name], 9),  # 1 - 0.7 is a little more than 0.3
            meta={RULE: rule.name},
        )
        for rule in rules
    ]
    return gx.ExpectationSuite(name, expectations=expectations)


def suite_columns(marked: DataFrame, rules: Sequence[Rule]) -> DataFrame:
    """Only the columns that the suite reads, because the raw text is wide."""
    projections = {rule.name: rule.projection for rule in rules if rule.projection}
    columns = dict.fromkeys(rule.arguments["column"] for rule in rules if not rule.projection)
    return marked.select(*columns, *(F.expr(sql).alias(name) for name, sql in projections.items()))


def run_suite(
    suite: gx.ExpectationSuite, frame: DataFrame, result_format: Any = "BOOLEAN_ONLY"
) -> "ExpectationSuiteValidationResult":
    """Runs the suite on a frame, in a temporary context that stores nothing and sends no usage
    statistics.
    """
    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_spark("lake", persist=False).add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("incoming").get_batch({"dataframe": frame})
    return batch.validate(suite, result_format=result_format)


def rule_name(result: "ExpectationValidationResult") -> str:
    """Name of the rule that an expectation's result is about."""
    return str(((result.expectation_config and result.expectation_config.meta) or {})[RULE])

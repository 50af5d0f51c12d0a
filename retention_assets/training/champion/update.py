"""Which recipe holds, and the champion that is made of it.

Fetches from the registry and stores there. What is compared and decided stands in modeling/.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.promotion.comparison import Comparison, with_champion
from retention_assets.modeling.promotion.decision import PromotionDecision
from retention_assets.modeling.promotion.period_decision import decide_on_period
from retention_assets.modeling.recipe import candidate_of, recipe_of
from retention_assets.modeling.refit import Refit, refit_recipe
from retention_assets.modeling.task import Task
from retention_assets.resources.registry import ModelVersion, Registry
from retention_assets.training.champion.period_ledger import PeriodLedger
from retention_assets.training.champion.promotion import (
    RECIPE_TAG,
    PromotionResult,
    figure_tags,
    kept_figures,
    reads_other_features,
    version_tags,
)
from retention_assets.training.champion.recorded_promotion import (
    promote_recorded,
    refuse_rolled_back,
    why_refused,
)
from retention_assets.training.model_card.provenance import NOT_RECORDED, Provenance
from retention_assets.training.record import read_record, record_refit, trained_only
from retention_assets.training.task import churn_examples, compare_candidates
from serve.model.bundle import load_bundle

if TYPE_CHECKING:
    import pyarrow as pa

REFIT = "refit"  # the folder of the refit, beside those of the candidates

Read = Callable[[str], "pa.Table"]
StartRun = Callable[[str, Mapping[str, str]], AbstractContextManager[Any]]


def read_records(registry: Registry, task: Task) -> dict[str, dict[str, Any]]:
    """Candidate -> the record of its evaluation, of those that could be trained. Raises
    NotTrainableError if none could.
    """
    return trained_only(
        {item.name: read_record(registry.staging(item.name)) for item in task.candidates}
    )


def champion_recipe(champion: ModelVersion, task: Task) -> Candidate | None:
    """The candidate that the champion was made by, with the champion's parameters. None if it is
    not declared any more. A version without a recipe was made with the declared parameters.
    """
    if recipe := champion.tags.get(RECIPE_TAG):
        return candidate_of(recipe, task.candidates)
    return {item.name: item for item in task.candidates}.get(champion.candidate)


def update_champion(
    read: Read,
    registry: Registry,
    task: Task,
    *,
    features: str,
    start_run: StartRun,
    ledger: PeriodLedger,
    provenance: Provenance = NOT_RECORDED,
) -> PromotionResult:
    """Tests the challenger's recipe against the champion's, refits the one that holds on all
    labeled rows, and registers the refit if it agrees with the tested model.

    `features`: definition of today's features. `start_run`: a tracking run by name and tags.
    A test is in the ledger before a model is registered: a run that is killed in between can be
    repeated with the same result. A champion whose features were defined in another way is
    compared by its recipe all the same, on today's features.
    """
    champion = registry.champion(task.name)
    recipe = champion_recipe(champion, task) if champion else None
    data = churn_examples(read(task.examples))
    records = read_records(registry, task)
    comparison = compare_candidates(data, read, task, records=records)
    if recipe:
        recipes = {name: record["recipe"] for name, record in records.items()}
        comparison = with_champion(comparison, recipe, data, recipes)
    record = records[comparison.challenger]
    decision, is_tested = _decide(
        comparison,
        registry,
        record=record,
        champion=recipe_of(recipe) if recipe else "",
        labels_through=data.as_of.max().astype(object),
        ledger=ledger,
    )
    if decision.promoted:
        recipe = candidate_of(record["recipe"], task.candidates)
        tested = comparison.candidates[comparison.challenger]
    else:
        tested = comparison.champion
    if recipe is None or tested is None:
        return PromotionResult(comparison, decision, champion)
    refit = refit_recipe(
        recipe,
        data,
        test=comparison.test,
        tested=tested.p,
        task=task,
        folder=registry.staging(REFIT),
    )
    if champion and not is_tested and not decision.promoted:
        figures = kept_figures(champion)
    else:
        figures = figure_tags(tested, comparison.test)
    if refused := why_refused(registry, task.name, refit.digest):
        return PromotionResult(comparison, decision, champion, refit, refused)
    update = _Update(
        registry=registry,
        comparison=comparison,
        decision=decision,
        tested=tested,
        data=data,
        refit=refit,
        figures=figures,
        features=features,
        start_run=start_run,
        provenance=provenance,
    )
    if refit.agreement.is_close:
        champion = update.register_refit(champion, recipe)
    elif decision.promoted and (champion is None or reads_other_features(champion, features)):
        champion = update.register_tested(record, comparison.challenger)
    return PromotionResult(comparison, decision, champion, refit)


def _decide(
    comparison: Comparison,
    registry: Registry,
    *,
    record: Mapping[str, Any],
    champion: str,
    labels_through: date,
    ledger: PeriodLedger,
) -> tuple[PromotionDecision, bool]:
    """The decision on the challenger, and whether a test was spent on it. `record`: of its
    evaluation. `champion`: the champion's recipe, empty without one.
    """
    task = comparison.task.name
    decision, period = decide_on_period(
        comparison,
        load_bundle(registry.staging(comparison.challenger), record["digest"]),
        recipe=record["recipe"],
        has_signature=record["signature"],
        champion=champion,
        labels_through=labels_through,
        spent=ledger.spent(task),
    )
    if period:
        ledger.add(period)
    decision = refuse_rolled_back(
        decision,
        registry,
        task,
        recipe=record["recipe"],
        tested_through=str(comparison.test.as_of.max()),
    )
    return decision, period is not None


@dataclass(frozen=True, kw_only=True)
class _Update:
    """What a new version of the champion is registered with. `tested`: its recipe on the untouched
    rows of the comparison. `data`: all examples.
    """

    registry: Registry
    comparison: Comparison
    decision: PromotionDecision
    tested: Evaluation
    data: Examples
    refit: Refit
    figures: Mapping[str, str]
    features: str
    start_run: StartRun
    provenance: Provenance

    def register_refit(self, champion: ModelVersion | None, recipe: Candidate) -> ModelVersion:
        """The champion from now on: the refit, or the present one if that is the same model."""
        refit = self.refit
        if (
            champion
            and champion.digest == refit.digest
            and not reads_other_features(champion, self.features)
        ):
            return champion
        folder = self.registry.staging(REFIT)
        tags = {"candidate": recipe.name, "digest": refit.digest}
        with self.start_run("churn_refit", tags) as tracker:
            record = record_refit(tracker, self.registry.log_bundle, refit, folder)
        return self._register(record, REFIT)

    def register_tested(self, record: Mapping[str, Any], name: str) -> ModelVersion:
        """The tested model itself, where nothing else can be served."""
        return self._register(record, name)

    def _register(self, record: Mapping[str, Any], name: str) -> ModelVersion:
        task = self.comparison.task.name
        scorer = load_bundle(self.registry.staging(name), record["digest"])
        tags = version_tags(scorer.card, record, features=self.features, figures=self.figures)
        version = self.registry.register(task, record["model_uri"], record["run_id"], tags)
        promote_recorded(
            self.registry,
            version,
            comparison=self.comparison,
            decision=self.decision,
            tested=self.tested,
            scorer=scorer,
            data=self.data,
            features=self.features,
            provenance=self.provenance,
        )
        champion = self.registry.champion(task)
        assert champion
        return champion

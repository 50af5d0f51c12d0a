"""Which assets a selection names, in Dagster's syntax."""

import dagster as dg
from dagster._core.definitions.asset_selection import DagsterInvalidAssetSelectionError
from dagster._core.errors import DagsterInvalidSubsetError

from retention_assets.errors import SelectionError

FIX = 'Name assets as Dagster does: group:training, raw/customers, or key:"raw/*".'


def selected_assets(defs: dg.Definitions, selection: str) -> set[dg.AssetKey]:
    """The assets that it names, and those that are made together with them, as quarantine/<table>
    is with validated/<table>. Raises SelectionError if it names none.
    """
    graph = defs.resolve_asset_graph()
    try:
        named = dg.AssetSelection.from_string(selection).resolve(graph)
    except (DagsterInvalidAssetSelectionError, DagsterInvalidSubsetError) as error:
        raise SelectionError(f"{selection!r} is no selection of assets.", FIX) from error
    if not named:
        raise SelectionError(f"No asset is named by {selection!r}.", FIX)
    return {together for key in named for together in graph.get(key).execution_set_asset_keys}

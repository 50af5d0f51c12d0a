"""The features, one per row: name, group, expression, meaning. To add one, add a row; both engines
compute it. If a formula of the project's original description was wrong, the name keeps the intent
and `meaning` says what was wrong. `clv_score` belongs to value/*, which estimates it.
"""

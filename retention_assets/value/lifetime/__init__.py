"""What customers are worth over the next months, from purchases or subscriptions alone. It must not
read a model of churn or its scores.
"""

"""The outside world: lake, registry, online store, serving, alerts, and the services that a home runs. No domain logic."""

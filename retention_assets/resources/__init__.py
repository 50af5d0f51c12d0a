"""What an asset is handed: lake, registry, online store, deployer, alerts. No domain logic."""

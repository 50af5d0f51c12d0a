"""The HTTP transport: routes, problem documents, authentication and limits. No model and no store."""

"""The HTTP transport: routes, problem documents, authentication and limits."""

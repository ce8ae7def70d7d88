"""What is asked of a request or a connection before it goes on: tokens, authorization, rate limits, as Envoy's filters."""

"""The node's DNS server: sockets inside the pods that serve cluster DNS, one table of answers behind them, forwarding for names outside."""

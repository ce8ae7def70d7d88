"""What commands are told of the running network: plain data, made from the loop's current state. Decides nothing."""

"""Who can talk to whom, on which ports and routes, because of which lines; what a change opens and closes; and how that looks."""

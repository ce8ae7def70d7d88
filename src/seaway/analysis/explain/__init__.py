"""Why a connection or request arrives or does not: one step a layer, each with its lines, and the smallest change that would flip it."""
